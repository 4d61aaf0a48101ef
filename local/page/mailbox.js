// The mailbox: every message to operators as text, the newest first.
const EVERY_MS = 2000;
const clock = new Intl.DateTimeFormat("en-GB", { timeStyle: "medium" });
const byId = (id) => document.getElementById(id);
// Of a line of ours; anything else stays text.
const RUNBOOK = /^Runbook: (docs\/runbook\.md#[\w-]+)$/;

function line(text) {
  const found = RUNBOOK.exec(text);
  if (!found) return text;
  const link = document.createElement("a");
  link.href = `/${found[1]}`;
  link.textContent = text;
  return link;
}

function item(mail) {
  const details = document.createElement("details");
  const summary = details.appendChild(document.createElement("summary"));
  const time = summary.appendChild(document.createElement("time"));
  time.textContent = clock.format(new Date(mail.at * 1000));
  summary.append(" ", mail.subject);
  const body = details.appendChild(document.createElement("pre"));
  body.append(...mail.lines.flatMap((text) => [line(text), "\n"]));
  details.dataset.mail = mail.number;
  return details;
}

/** Put those that are new before the others, which stay as they are: opened or not. */
function show(mails) {
  const list = byId("mails");
  const last = Number(list.firstElementChild?.dataset.mail ?? -1);
  const fresh = mails.filter((mail) => mail.number > last);
  if (!fresh.length) return;
  list.prepend(...fresh.map(item));
  if (last < 0) list.firstElementChild.open = true;
  while (list.childElementCount > mails.length) list.lastElementChild.remove();
  byId("mail-count").textContent = `${mails.length === 1 ? "1 message" : `${mails.length} messages, the newest first`}.`;
}

for (;;) {
  try {
    const answer = await fetch(`/api/mails${location.search}`);
    if (answer.ok) show(await answer.json());
  } catch (error) {
    console.debug(error); // the page says at its top that there is no answer
  }
  await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
}
