// Shows a document of this repository, with the sections that its links name.
import { marked } from "/marked.js";

/** The name of a heading in links, as GitHub makes it. */
const section = (title) => title.toLowerCase().replace(/[^\p{L}\p{N}\s_-]/gu, "").trim().replace(/\s/g, "-");

const text = await (await fetch(`${location.pathname}.txt`)).text();
const holder = document.getElementById("document");
holder.innerHTML = marked.parse(text);
for (const heading of holder.querySelectorAll("h1, h2, h3, h4")) {
  heading.id = section(heading.textContent);
  heading.tabIndex = -1;
}
document.title = holder.querySelector("h1")?.textContent ?? document.title;
const named = document.getElementById(decodeURIComponent(location.hash.slice(1)));
named?.scrollIntoView();
named?.focus({ preventScroll: true });
