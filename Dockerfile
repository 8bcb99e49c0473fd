FROM python:3.11-slim

ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PIP_NO_CACHE_DIR=1 DATA_DIR=/data
WORKDIR /app
RUN useradd --system --uid 10001 --home-dir /app autonomy \
    && mkdir -p /data/documents /data/metrics \
    && chown -R autonomy /data

COPY requirements.txt .
RUN pip install -r requirements.txt
COPY . .

USER autonomy
# This key signs nothing: it only keeps the build from making one and leaving it in the image.
RUN DJANGO_SECRET_KEY=only-for-the-build python manage.py collectstatic --noinput --verbosity 0

EXPOSE 8000
CMD ["uvicorn", "config.asgi:application", "--host", "0.0.0.0", "--port", "8000", "--timeout-graceful-shutdown", "5"]
