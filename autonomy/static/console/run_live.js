// Follows a run: adds episodes as they come, and renews the parts of the page that the server draws.

function begin(log) {
  const rows = log.querySelector('[data-role="rows"]');
  const [looks, nodes] = ["log-looks", "log-nodes"].map((id) => JSON.parse(document.getElementById(id).textContent));
  const view = new View(log, rows);
  if (log.dataset.events) new Follower(log, rows, looks, nodes, view);
}

// What of the log is shown, and where the last error is.
class View {
  constructor(log, rows) {
    this.rows = rows;
    this.choice = log.querySelector('[data-role="choice"]');
    this.none = log.querySelector('[data-role="none"]');
    this.errorButton = log.querySelector('[data-role="error"]');
    log.querySelector('[data-role="tools"]').hidden = false;
    this.choice.addEventListener("change", () => this.apply(this.rows.children));
    this.errorButton.addEventListener("click", () => this.toLastError());
    this.apply(rows.children);
  }

  apply(changed) {
    const wanted = this.choice.value;
    for (const row of changed) row.hidden = Boolean(wanted) && !row.dataset.groups.split(" ").includes(wanted);
    this.none.hidden = [...this.rows.children].some((row) => !row.hidden);
    this.errorButton.disabled = !this.rows.querySelector(".tone-bad");
  }

  toLastError() {
    const row = this.rows.querySelector(".tone-bad");
    if (!row) return;
    row.hidden = false;
    row.scrollIntoView({ block: "nearest" });
    row.focus();
  }
}

class Follower {
  // A burst is written in one go per frame, and what is far back is on the page of the whole log.
  static MOST_ROWS = 500;
  static PARTS_EVERY = 1500;

  constructor(log, rows, looks, nodes, view) {
    this.log = log;
    this.rows = rows;
    this.looks = looks;
    this.nodes = nodes;
    this.view = view;
    this.state = log.querySelector('[data-role="state"]');
    this.pause = log.querySelector('[data-role="pause"]');
    this.waiting = [];
    this.came = 0;
    this.frame = 0;
    this.partsDue = 0;
    this.renewing = false;
    this.isStale = false;
    this.isBehind = false;
    this.ended = false;
    this.mostChars = Number(log.dataset.mostChars);
    this.pause.addEventListener("click", () => this.toggle());
    this.connect();
  }

  get paused() {
    return this.pause.getAttribute("aria-pressed") === "true";
  }

  connect() {
    this.source = new EventSource(`${this.log.dataset.events}?lastEventId=${this.log.dataset.lastSeq}`);
    for (const kind of Object.keys(this.looks)) {
      this.source.addEventListener(kind, (event) => this.take(JSON.parse(event.data)));
    }
    this.source.addEventListener("end", () => this.end());
    this.source.addEventListener("open", () => {
      this.sayHowItStands();
      if (this.isBehind) this.renewSoon();
    });
    this.source.addEventListener("error", () => {
      if (this.source.readyState === EventSource.CLOSED) this.say("Not live any more.", true);
      else this.say("The connection is lost; it is being made again.", false);
    });
    // A page that is put aside and brought back by the browser has a stream that is dead.
    window.addEventListener("pagehide", () => this.source.close());
    window.addEventListener("pageshow", (event) => event.persisted && window.location.reload());
  }

  take(episode) {
    this.waiting.push(episode);
    this.came += 1;
    // While it is paused, and in a tab that nobody looks at, nothing is written: no more is kept than would be shown.
    if (this.waiting.length >= 2 * Follower.MOST_ROWS) this.waiting = this.waiting.slice(-Follower.MOST_ROWS);
    if (this.paused) this.sayHowItStands();
    else this.writeSoon();
    this.renewSoon();
  }

  writeSoon() {
    if (!this.frame) this.frame = requestAnimationFrame(() => this.write());
  }

  write() {
    this.frame = 0;
    const fresh = this.waiting.slice(-Follower.MOST_ROWS).map((episode) => this.row(episode)).reverse();
    this.waiting = [];
    this.came = 0;
    this.rows.prepend(...fresh);
    while (this.rows.children.length > Follower.MOST_ROWS) this.rows.lastElementChild.remove();
    this.view.apply(fresh);
  }

  toggle() {
    const pause = !this.paused;
    this.pause.setAttribute("aria-pressed", String(pause));
    this.pause.textContent = pause ? "Go on" : "Pause";
    this.sayHowItStands();
    if (!pause) this.writeSoon();
  }

  // The same as templates/console/run/episode.html writes.
  row(episode) {
    const look = this.looks[episode.kind];
    const row = element("li", `log-row log-new tone-${look.tone}`);
    row.id = `episode-${episode.seq}`;
    row.tabIndex = -1;
    row.dataset.kind = episode.kind;
    row.dataset.groups = look.groups.join(" ");
    const icon = element("span", "material-symbols-outlined log-icon", look.icon);
    icon.setAttribute("aria-hidden", "true");
    const what = element("div", "log-what");
    const attempt = episode.attempt > 1 ? `, attempt ${episode.attempt}` : "";
    what.append(
      element("span", "log-kind", look.words),
      " ",
      element("span", "log-node", (this.nodes[episode.node] ?? episode.node) + attempt),
      element("p", "log-message", episode.message),
    );
    if (Object.keys(episode.data).length) what.append(this.facts(episode.data));
    const at = element("time", "log-at", episode.at.slice(11, 19));
    at.dateTime = episode.at;
    at.title = `${episode.at.slice(0, 19).replace("T", " ")} UTC`;
    row.append(element("span", "log-seq", String(episode.seq)), icon, what, at);
    return row;
  }

  facts(data) {
    const fold = element("details", "log-data");
    const text = element("pre", "");
    text.tabIndex = 0;
    fold.append(element("summary", "", "Facts"), text);
    fold.addEventListener("toggle", () => {
      if (text.textContent) return;
      const told = JSON.stringify(data, null, 1);
      text.textContent = told.length > this.mostChars ? `${told.slice(0, this.mostChars)} …` : told;
    });
    return fold;
  }

  renewSoon() {
    this.isStale = true;
    if (!this.partsDue && !this.renewing) this.partsDue = setTimeout(() => this.renew(), Follower.PARTS_EVERY);
  }

  // One after the other: an answer may be older than what has come since it was asked for, and than the next one.
  async renew() {
    this.partsDue = 0;
    this.renewing = true;
    this.isStale = false;
    const page = await this.parts();
    this.renewing = false;
    if (page) {
      for (const fresh of page.querySelectorAll("[data-part]")) {
        const part = document.getElementById(fresh.id);
        if (part && part.innerHTML !== fresh.innerHTML && !inUse(part)) replace(part, fresh);
      }
      if (this.isBehind) this.sayHowItStands();
    } else this.say("The picture above could not be renewed.", true);
    this.isBehind = !page;
    if (this.isStale) this.renewSoon();
  }

  // Null where there is no such page, also where somebody has to log in again.
  async parts() {
    try {
      const answer = await fetch(this.log.dataset.parts, { credentials: "same-origin", redirect: "error" });
      return answer.ok ? new DOMParser().parseFromString(await answer.text(), "text/html") : null;
    } catch {
      return null;
    }
  }

  end() {
    this.source.close();
    this.ended = true;
    this.renewSoon();
    this.sayHowItStands();
    this.pause.hidden = true;
    if (this.waiting.length) this.writeSoon();
  }

  sayHowItStands() {
    if (this.ended) this.say("The run has ended; nothing more comes.");
    else if (!this.paused) this.say("Live: new episodes appear by themselves.");
    else this.say(this.came ? `Paused: ${this.came} new.` : "Paused: what comes is kept back.");
  }

  say(words, reload = false) {
    if (this.state.textContent === words) return;
    this.state.replaceChildren(words);
    if (!reload) return;
    const link = element("a", "text-link", "Reload the page");
    link.href = window.location.href;
    this.state.append(" ", link);
  }
}

// Somebody types or chooses in it, or has done so.
function inUse(part) {
  const fields = [...part.querySelectorAll("input:not([type=hidden]), select, textarea")];
  return fields.some((field) => field === document.activeElement || isChanged(field));
}

function isChanged(field) {
  if (field.matches("[type=checkbox], [type=radio]")) return field.checked !== field.defaultChecked;
  if (!field.matches("select")) return field.value !== field.defaultValue;
  const usual = [...field.options].findIndex((option) => option.defaultSelected);
  return field.selectedIndex !== Math.max(0, usual);
}

function replace(part, fresh) {
  const open = new Set([...part.querySelectorAll("details[open][id]")].map((fold) => fold.id));
  const active = part.contains(document.activeElement) ? document.activeElement : null;
  for (const fold of fresh.querySelectorAll("details[id]")) if (open.has(fold.id)) fold.open = true;
  part.replaceChildren(...fresh.childNodes);
  if (active) [...part.querySelectorAll("a[href], button, summary")].find((one) => isAlike(one, active))?.focus();
}

function isAlike(one, other) {
  const same = one.tagName === other.tagName && one.getAttribute("href") === other.getAttribute("href");
  return same && (one.tagName === "A" || one.textContent === other.textContent);
}

function element(name, classes, text) {
  const made = document.createElement(name);
  if (classes) made.className = classes;
  if (text !== undefined) made.textContent = text;
  return made;
}

const found = document.getElementById("live-log");
if (found) begin(found);
