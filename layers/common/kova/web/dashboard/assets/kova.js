// What makes the pages quicker to use. Everything works without it.

const LONG = { dateStyle: "medium", timeStyle: "short" };
const WEEK = 7 * 86400e3;

function localTimes(root) {
  for (const node of root.querySelectorAll("time[datetime]")) {
    const moment = new Date(node.dateTime);
    if (Number.isNaN(moment.getTime())) continue;
    const text = new Intl.DateTimeFormat(undefined, LONG).format(moment);
    if ("exact" in node.dataset) node.textContent = text;
    else {
      node.title = text;
      if (Math.abs(Date.now() - moment) >= WEEK)
        node.textContent = new Intl.DateTimeFormat(undefined, { dateStyle: "medium" }).format(moment);
    }
  }
}

// A live part asks for its own HTML until the server marks it as done.
async function follow(part) {
  for (;;) {
    await new Promise((resume) => setTimeout(resume, Number(part.dataset.every)));
    if (document.hidden || part.contains(document.activeElement)) continue;
    let response;
    try {
      response = await fetch(part.dataset.live, { headers: { accept: "text/html" } });
    } catch {
      continue; // The network is away: the next turn asks again.
    }
    if (response.redirected) return location.reload();
    if (!response.ok) continue;
    const fresh = document.createElement("template");
    fresh.innerHTML = await response.text();
    localTimes(fresh.content);
    part.replaceChildren(fresh.content);
    if (part.querySelector("[data-done]")) return;
  }
}

const rows = () => [...document.querySelectorAll("[data-row]")];
const linkOf = (row) => row.querySelector("[data-open]");

function move(step) {
  const all = rows();
  if (!all.length) return;
  const now = all.findIndex((row) => row.contains(document.activeElement));
  const next = now < 0 ? (step > 0 ? 0 : all.length - 1) : now + step;
  linkOf(all[Math.min(Math.max(next, 0), all.length - 1)])?.focus();
}

const PLACES = { o: "/", e: "/ui/errors", f: "/ui/fixes", s: "/ui/scans", r: "/ui/repositories" };
let going = false;

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest("input, textarea, select, dialog[open]")) {
    if (event.key === "Escape" && !event.target.closest("dialog")) event.target.blur();
    return;
  }
  if (going) {
    going = false;
    if (event.key in PLACES) location.assign(PLACES[event.key]);
    return;
  }
  const row = document.activeElement?.closest?.("[data-row]");
  if (event.key === "j") move(1);
  else if (event.key === "k") move(-1);
  else if (event.key === "g") going = true;
  else if (event.key === "?") document.getElementById("keys")?.showModal();
  else if (event.key === "/" && document.querySelector("[data-search]")) {
    event.preventDefault();
    document.querySelector("[data-search]").focus();
  } else if (event.key === "x" && row) row.querySelector("input[type=checkbox]")?.click();
}

function bulk() {
  const form = document.getElementById("bulk");
  if (!form) return;
  const boxes = [...document.querySelectorAll('input[name=id][form="bulk"]')];
  const all = form.querySelector("[data-choose-all]");
  form.querySelector("[data-all]").hidden = false;
  const count = () => {
    const chosen = boxes.filter((box) => box.checked).length;
    form.querySelector("[data-count]").textContent = chosen || "";
    form.classList.toggle("chosen", chosen > 0);
    all.checked = chosen === boxes.length;
    all.indeterminate = chosen > 0 && chosen < boxes.length;
  };
  all.addEventListener("change", () => {
    for (const box of boxes) box.checked = all.checked;
    count();
  });
  for (const box of boxes) box.addEventListener("change", count);
  count();
}

// Events of an answer, each with its name and its fields; the last one may be cut off.
async function* readEvents(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const events = (rest + value).split("\n\n");
    rest = events.pop();
    for (const event of events) {
      const [name, fields] = event.split("\n");
      yield [name.slice("event: ".length), JSON.parse(fields.slice("data: ".length))];
    }
  }
}

// The answer to a question is shown while it arrives; what the server sends at its end, with the
// citations that it has checked and the cost, takes the place of it.
function followAnswers(form) {
  const live = document.querySelector("[data-live-answer]");
  const [title, text, problem, again] = ["question", "text", "problem", "again"].map((name) =>
    live.querySelector(`[data-${name}]`));
  const earlier = document.querySelector("[data-answered]");
  const waiting = form.querySelector("[data-waiting]");

  function begin() {
    earlier.replaceChildren();
    title.textContent = form.elements.question.value;
    text.textContent = "";
    problem.hidden = again.hidden = true;
    live.hidden = waiting.hidden = false;
  }

  function fail(detail) {
    problem.textContent = detail;
    problem.hidden = again.hidden = false;
  }

  function show({ html, address }) {
    const part = document.createElement("template");
    part.innerHTML = html;
    localTimes(part.content);
    earlier.replaceChildren(part.content);
    live.hidden = true;
    history.replaceState(null, "", address);
  }

  async function ask() {
    const response = await fetch(form.action, {
      method: "POST",
      body: new URLSearchParams(new FormData(form)),
      headers: { accept: "text/event-stream" },
    });
    if (response.redirected) return location.reload(); // The session has ended.
    if (!response.headers.get("content-type")?.startsWith("text/event-stream")) {
      const page = new DOMParser().parseFromString(await response.text(), "text/html");
      const alert = page.querySelector("[data-answered] [role=alert], .empty[role=alert] > p + h1 + p");
      return fail(alert?.textContent.trim() ?? "That did not work.");
    }
    for await (const [name, fields] of readEvents(response)) {
      if (name === "delta") text.append(fields.text);
      else if (name === "restart") text.textContent = "";
      else if (name === "problem") return fail(fields.detail);
      else if (name === "answer") return show(fields);
    }
    fail("The answer broke off on its way.");
  }

  let asking = false;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (asking) return;
    asking = true;
    begin();
    try {
      await ask();
    } catch {
      fail("The answer broke off on its way.");
    } finally {
      asking = false;
      waiting.hidden = true;
    }
  });
  again.querySelector("button").addEventListener("click", () => form.requestSubmit());
}

localTimes(document);
for (const part of document.querySelectorAll("[data-live]")) follow(part);
document.addEventListener("keydown", onKey);
bulk();
for (const button of document.querySelectorAll("[data-keys]")) {
  button.hidden = false;
  button.addEventListener("click", () => document.getElementById("keys").showModal());
}
for (const button of document.querySelectorAll("[data-copy]")) {
  if (!navigator.clipboard) break;
  button.hidden = false;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(button.dataset.copy);
    button.textContent = "Copied";
  });
}
const askForm = document.querySelector("[data-ask]");
if (askForm) followAnswers(askForm);
// Wide screens show the menu and the filter whole; older browsers do that only where they are open.
for (const [name, width] of [[".menu", "60rem"], [".narrow", "48rem"]]) {
  const wide = matchMedia(`(min-width: ${width})`);
  for (const part of document.querySelectorAll(name)) {
    const fit = () => { part.open = wide.matches || (name === ".narrow" && part.open); };
    wide.addEventListener("change", fit);
    fit();
  }
}
