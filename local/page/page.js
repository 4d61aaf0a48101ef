// Draws the deployed dashboards (their `DashboardBody`) with live data of the local run.
import uPlot from "/uplot.js";
import { marked } from "/marked.js";

const EVERY_MS = 2000;
const PIXELS_PER_ROW = 26;
const WORDS = { OK: "OK", ALARM: "in alarm", INSUFFICIENT_DATA: "no data yet" };
const number = new Intl.NumberFormat("en", { maximumFractionDigits: 2 });
const short = new Intl.NumberFormat("en", { notation: "compact" });
const clock = new Intl.DateTimeFormat("en-GB", { timeStyle: "short" });
const exact = new Intl.DateTimeFormat("en-GB", { timeStyle: "medium" });
const byId = (id) => document.getElementById(id);
const at = (seconds, format = exact) => format.format(new Date(seconds * 1000));
const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** An element with attributes and content; text stays text. */
function make(tag, attributes = {}, ...content) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...content);
  return element;
}

/** A length of time in its two largest units. */
function duration(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  const parts = [[Math.floor(whole / 86400), "d"], [Math.floor(whole / 3600) % 24, "h"],
    [Math.floor(whole / 60) % 60, "min"], [whole % 60, "s"]];
  const first = parts.findIndex(([count]) => count > 0);
  if (first < 0) return "0 s";
  return parts.slice(first, first + (first < 2 ? 2 : 1)).filter(([count]) => count > 0)
    .map(([count, unit]) => `${count} ${unit}`).join(" ");
}

/** A length of time as the tick of an axis: in one unit. */
function tickOf(seconds) {
  const [of, unit] = [[86400, "d"], [3600, "h"], [60, "min"]].find(([length]) => seconds >= length) ?? [1, "s"];
  return `${short.format(seconds / of)} ${unit}`;
}

/** A value in the words of its axis. */
const said = (value, unit) => (unit === "seconds" ? duration(value) : number.format(value));

/** New content, unless somebody is just marking what is there. A link that had the focus has it again. */
function keep(holder, ...content) {
  const selection = getSelection();
  if (!selection.isCollapsed && holder.contains(selection.anchorNode)) return;
  const link = holder.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
  holder.replaceChildren(...content);
  if (link) holder.querySelector(`a[href="${CSS.escape(link)}"]`)?.focus({ preventScroll: true });
}

/** What the server says of the region that this page shows. */
function ask(path, query = {}) {
  const region = new URLSearchParams(location.search).get("region");
  return fetch(`${path}?${new URLSearchParams(region ? { ...query, region } : query)}`).then((answer) => (answer.ok ? answer.json() : Promise.reject(answer.status)));
}

// Alarms and executions

function alarmItem(alarm, described) {
  const item = make("li", { "data-alarm": alarm.name, "data-state": alarm.state },
    make("strong", { title: alarm.name }, alarm.title ?? alarm.name), " ",
    make("span", { class: "state" }, WORDS[alarm.state] ?? alarm.state));
  if (!described) return item;
  const age = duration(Date.now() / 1000 - alarm.since);
  item.append(make("p", {}, `For ${age}: ${alarm.what}`));
  if (alarm.users) item.append(make("p", {}, `Users: ${alarm.users}`));
  const then = make("p");
  if (alarm.next) then.append(make("code", {}, alarm.next), " ");
  if (alarm.runbook) then.append(make("a", { href: alarm.runbook, rel: "noreferrer" }, "Runbook"));
  if (then.hasChildNodes()) item.append(then);
  return item;
}

function showAlarms(alarms) {
  const rank = (alarm) => [alarm.state !== "ALARM", !alarm.composite, alarm.name].map(String).join();
  const ordered = [...alarms].sort((a, b) => (rank(a) < rank(b) ? -1 : 1));
  const ringing = alarms.filter((alarm) => alarm.state === "ALARM");
  const quiet = ordered.filter((alarm) => alarm.state !== "ALARM" && alarm.composite);
  keep(byId("alarm-list"), ...[ordered.filter((alarm) => alarm.state === "ALARM"), quiet]
    .filter((some) => some.length)
    .map((some) => make("ul", { class: "alarms" }, ...some.map((one) => alarmItem(one, one.state === "ALARM")))));
  byId("alarm-count").textContent =
    `${ringing.length} of ${alarms.length} in alarm. Here are those, and all that sum up others.`;
  const state = (name) => alarms.find((alarm) => alarm.composite && alarm.name.endsWith(name))?.state;
  const [flow, any] = [state("-unhealthy"), state("-any-alarm")];
  if (flow === "ALARM") showHealth("ALARM", "Unhealthy");
  else if (any === "ALARM") showHealth("ATTENTION", "Needs attention");
  else if (flow === "OK" && any === "OK") showHealth("OK", "Healthy");
  else showHealth("unknown", "Not known yet");
}

function showHealth(state, text) {
  const health = byId("health");
  health.dataset.state = state;
  if (health.textContent !== text) health.textContent = text; // said once, not at every look
}

function showExecutions(executions) {
  byId("execution-rows").replaceChildren(...executions.map((execution) => {
    const { action = "triage", stage = "all", started_by: by = "" } = execution.input;
    const cells = [at(execution.started), `${action} of ${stage}`, by, execution.status.toLowerCase(),
      execution.outcome || "not ended", execution.letters];
    return make("tr", { "data-status": execution.status }, ...cells.map((text) => make("td", {}, text)));
  }));
  if (!executions.length) byId("execution-rows").append(make("tr", {}, make("td", { colspan: 6 }, "none yet")));
}

// Widgets: each has a function that makes its content and returns one that shows what is new

const KINDS = {
  text(widget, body) {
    body.innerHTML = marked.parse(widget.properties.markdown);
    for (const link of body.querySelectorAll("a")) link.rel = "noreferrer";
  },
  alarm(widget, body) {
    const list = body.appendChild(make("ul", { class: "alarms" }));
    return (_data, alarms) => {
      const known = new Map(alarms.flatMap((alarm) => [[alarm.arn, alarm], [alarm.name, alarm]]));
      list.replaceChildren(...widget.properties.alarms.map((arn) =>
        alarmItem(known.get(arn) ?? { name: arn, state: "not there" }, false)));
    };
  },
  custom(widget, body) {
    return (data) => showCustom(body, data);
  },
  log(widget, body) {
    cannot(body, "This page can't run queries of Logs Insights. In CloudWatch this is what the query below finds.");
    body.append(make("pre", {}, widget.properties.query));
  },
  metric(widget, body) {
    const holder = body.appendChild(make("div"));
    const draw = widget.properties.view === "singleValue" ? bigNumbers(holder, unitOf(widget)) : graph(widget, holder);
    return (data) => (data.cannot ? cannot(holder, data.cannot) : draw(data));
  },
};

/** What a function has drawn; the server lets nothing through but words and tables. */
function showCustom(body, data) {
  if (data.cannot) return cannot(body, data.cannot);
  const template = make("template");
  template.innerHTML = data.html;
  keep(body, template.content);
}

function cannot(body, why) {
  body.replaceChildren(make("p", { class: "cannot" }, why));
}

const unitOf = (widget) => widget.properties.yAxis?.left?.label;
const latest = (values) => values.findLastIndex((value) => value !== null);

function bigNumbers(holder, unit) {
  const list = holder.appendChild(make("dl", { class: "big" }));
  return ({ series }) => list.replaceChildren(...series.map(({ label, values }) => {
    const index = latest(values);
    return make("div", {}, make("dt", {}, label), make("dd", {}, index < 0 ? "–" : said(values[index], unit)));
  }));
}

function graph(widget, holder) {
  const { properties } = widget;
  const lines = properties.annotations?.horizontal ?? [];
  const unit = unitOf(widget);
  const figure = holder.appendChild(make("figure", {
    tabindex: "0", role: "group",
    "aria-label": `${properties.title}: a graph; the arrow keys go through its points, the table has the values`,
  }));
  const canvas = figure.appendChild(make("div", { "aria-hidden": "true" }));
  const caption = make("caption");
  const rows = make("tbody");
  figure.append(make("table", {}, caption, rows));
  let plot = null;
  let shown = null;
  let cursor = null;

  const colour = (series, index) => series.color ?? css(`--series-${(index % 11) + 1}`);

  function tabulate() {
    const { times, series } = shown;
    caption.textContent = cursor === null ? "latest values" : `values at ${at(times[cursor], clock)}`;
    // What has no value in all the time that is shown takes no row.
    const some = series.map((one, index) => ({ ...one, index })).filter((one) => latest(one.values) >= 0);
    rows.replaceChildren(
      ...some.map((one) => {
        const key = make("span", { class: "key" });
        key.style.background = colour(one, one.index);
        const place = cursor ?? latest(one.values);
        const value = one.values[place] ?? null;
        return make("tr", {}, make("td", {}, key, one.label),
          make("td", { class: "number" }, value === null ? "no data" : said(value, unit)),
          make("td", { class: "number" }, value === null || cursor !== null ? "" : at(times[place], clock)));
      }),
      ...(some.length ? [] : [make("tr", {}, make("td", { colspan: 3 }, "no data"))]),
      ...lines.map((line) => {
        const key = make("span", { class: "key" });
        key.style.background = line.color ?? css("--alarm");
        return make("tr", {}, make("td", {}, key, line.label ?? "line"),
          make("td", { class: "number" }, said(line.value, unit)), make("td"));
      }));
  }

  const thresholds = (u) => {
    for (const line of lines) {
      const y = u.valToPos(line.value, line.yAxis === "right" ? "right" : "left", true);
      u.ctx.save();
      u.ctx.strokeStyle = line.color ?? css("--alarm");
      u.ctx.lineWidth = 1.5 * devicePixelRatio;
      u.ctx.setLineDash([6 * devicePixelRatio, 4 * devicePixelRatio]);
      u.ctx.beginPath();
      u.ctx.moveTo(u.bbox.left, y);
      u.ctx.lineTo(u.bbox.left + u.bbox.width, y);
      u.ctx.stroke();
      u.ctx.restore();
    }
  };

  const scale = (side) => ({
    range: (_u, low, high) => {
      const values = [low, high, ...lines.filter((l) => (l.yAxis ?? "left") === side).map((l) => l.value)]
        .filter((value) => Number.isFinite(value));
      const top = Math.max(...values, 0);
      return [Math.min(...values, 0), top > 0 ? top * 1.1 : 1];
    },
  });

  function build({ times, series }) {
    plot?.destroy();
    const axis = { stroke: css("--faint"), grid: { stroke: css("--line"), width: 1 }, ticks: { show: false }, font: "12px system-ui" };
    const sides = series.some((one) => one.axis === "right") ? ["left", "right"] : ["left"];
    plot = new uPlot({
      width: Math.max(canvas.clientWidth, 100),
      height: Math.max((widget.height ?? 6) * PIXELS_PER_ROW, 110),
      legend: { show: false },
      cursor: { drag: { x: false, y: false }, points: { size: 7 } },
      scales: Object.fromEntries(sides.map((side) => [side, scale(side)])),
      axes: [
        { ...axis, size: 26, values: (_u, ticks) => ticks.map((tick) => at(tick, clock)) },
        ...sides.map((side) => ({ ...axis, scale: side, side: side === "left" ? 3 : 1, size: 52,
          values: (_u, ticks) => ticks.map((tick) => (unit === "seconds" ? tickOf(tick) : short.format(tick))) })),
      ],
      series: [{}, ...series.map((one, index) => ({
        label: one.label, scale: one.axis, stroke: colour(one, index), width: 1.75, spanGaps: true,
        points: { show: true, size: 5, fill: colour(one, index) },
      }))],
      hooks: {
        draw: [thresholds],
        setCursor: [(u) => {
          const index = u.cursor.left < 0 ? null : u.cursor.idx;
          if (index !== cursor) { cursor = index; tabulate(); }
        }],
      },
    }, [times, ...series.map((one) => one.values)], canvas);
  }

  figure.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step || !shown) return;
    event.preventDefault();
    const last = shown.times.length - 1;
    const index = Math.min(Math.max((cursor ?? last + (step > 0 ? 0 : 1)) + step, 0), last);
    plot.setCursor({ left: plot.valToPos(shown.times[index], "x"), top: 1 });
  });
  figure.addEventListener("blur", () => plot?.setCursor({ left: -10, top: -10 }));
  new ResizeObserver(() => plot?.setSize({ width: Math.max(canvas.clientWidth, 100), height: plot.height })).observe(canvas);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => shown && (build(shown), tabulate()));

  return (data) => {
    const same = shown && JSON.stringify(shown.series.map((s) => s.label)) === JSON.stringify(data.series.map((s) => s.label));
    shown = data;
    if (plot && same) plot.setData([data.times, ...data.series.map((one) => one.values)]);
    else build(data);
    if (cursor !== null && cursor >= data.times.length) cursor = null;
    tabulate();
  };
}

// The page

/** The dashboards' widgets, in their places; for each the function that shows what is new. */
function lay(dashboards) {
  const updates = new Map();
  for (const { name, title, widgets } of dashboards) {
    const id = `dashboard-${name}`;
    byId("sections").append(make("li", {}, make("a", { href: `#${id}` }, title)));
    const grid = make("div", { class: "grid" });
    byId("dashboards").append(make("section", { id, "aria-labelledby": `${id}-title`, tabindex: "-1", "data-dashboard": name },
      make("h2", { id: `${id}-title`, title: name }, title), grid));
    updates.set(name, widgets.map((widget, index) => {
      const kind = widget.type;
      const body = make("div");
      const title = widget.properties.title;
      const box = make("article", { class: `widget ${kind}`, "data-kind": kind, "data-widget": index }, body);
      if (title) box.prepend(make("h3", {}, title));
      box.style.gridColumn = `${(widget.x ?? 0) + 1} / span ${widget.width ?? 6}`;
      grid.append(box);
      if (!KINDS[kind]) return void cannot(body, `This page can't draw a widget of the kind “${kind}”.`);
      return KINDS[kind](widget, body);
    }));
  }
  return updates;
}

async function look(updates) {
  try {
    const live = await ask("/api/live", { minutes: byId("minutes").value });
    showAlarms(live.alarms);
    showExecutions(live.executions);
    showCustom(byId("waiting"), live.waiting);
    for (const [name, functions] of updates) {
      functions.forEach((update, index) => update?.(live.series[name]?.[index], live.alarms));
    }
    document.body.dataset.seen = live.now;
  } catch (error) {
    console.error(error);
    showHealth("unknown", "No answer: has the run ended?");
  }
}

async function run() {
  const updates = lay(await ask("/api/dashboards"));
  byId("minutes").addEventListener("change", () => look(updates));
  for (;;) {
    await look(updates);
    await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
  }
}

run().catch(() => showHealth("unknown", "No answer: has the run ended?"));
