from turnitin.models.cycle import Cycle, document_path
from turnitin.models.licence import Licence
from turnitin.models.report import Report
from turnitin.models.submission import Submission

__all__ = ["Cycle", "Licence", "Report", "Submission", "document_path"]
