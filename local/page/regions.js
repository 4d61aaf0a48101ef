// Where there are several regions: a row for each, and which of them this page shows.
const EVERY_MS = 2000;
const MEMBERS = ["stored", "published", "adopted", "twice", "waiting", "alarms"];
const byId = (id) => document.getElementById(id);
const asked = new URLSearchParams(location.search).get("region");

function cell(content) {
  const made = document.createElement("td");
  made.append(content);
  return made;
}

/** The row of a region, which stays, so that a link in it keeps the focus. */
function row(name, isShown) {
  const link = document.createElement("a");
  link.href = `/?region=${encodeURIComponent(name)}`;
  link.textContent = name;
  if (isShown) link.setAttribute("aria-current", "page");
  const made = document.createElement("tr");
  made.dataset.region = name;
  made.append(cell(link), ...["publishing", ...MEMBERS].map(() => cell("")));
  return made;
}

function lay(names) {
  const shown = asked ?? names[0];
  byId("region-rows").replaceChildren(...names.map((name) => row(name, name === shown)));
  const item = document.createElement("li");
  const link = item.appendChild(document.createElement("a"));
  link.href = "#regions";
  link.textContent = `Regions: ${shown}`;
  byId("sections").prepend(item);
  byId("regions").hidden = false;
}

function show(regions) {
  if (byId("regions").hidden) lay(regions.map((one) => one.region));
  regions.forEach((one, index) => {
    const [, ...cells] = byId("region-rows").children[index].children;
    const texts = [one.publishing ? "yes" : "no", ...MEMBERS.map((member) => String(one[member]))];
    texts.forEach((text, at) => { cells[at].textContent = text; });
  });
}

for (;;) {
  try {
    const answer = await fetch("/api/regions");
    const regions = answer.ok ? await answer.json() : null;
    if (regions?.length === 0) break; // there is one
    if (regions) show(regions);
  } catch (error) {
    console.debug(error); // the page says at its top that there is no answer
  }
  await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
}
