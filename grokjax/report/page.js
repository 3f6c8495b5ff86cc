// Sorts and filters the table of members, and shows the one that is chosen. Comes after charts.js.

// ---- the table ----

const collator = new Intl.Collator("en", { numeric: true });

function sorted(rows, column, sign) {
  const keys = new Map(rows.map((row) => [row, row.cells[column].dataset.sort]));
  const present = [...keys.values()].filter((key) => key !== undefined);
  const numeric = present.every((key) => key.trim() !== "" && !Number.isNaN(Number(key)));
  const compare = numeric ? (a, b) => a - b : collator.compare;
  return [...rows].sort((one, two) => {
    const [a, b] = [keys.get(one), keys.get(two)];
    // Missing values come last in either direction.
    if (a === undefined || b === undefined) return (a === undefined) - (b === undefined);
    return sign * compare(a, b);
  });
}

function makeSortable(table) {
  const body = table.tBodies[0];
  const original = [...body.rows];
  const heads = [...table.tHead.rows[0].cells];
  const after = { none: "ascending", ascending: "descending", descending: "none" };
  heads.forEach((head, column) => {
    const button = html("button", { type: "button" }, head.textContent);
    head.replaceChildren(button);
    button.addEventListener("click", () => {
      const order = after[head.getAttribute("aria-sort") ?? "none"];
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      if (order !== "none") head.setAttribute("aria-sort", order);
      const sign = order === "ascending" ? 1 : -1;
      body.append(...(order === "none" ? original : sorted(original, column, sign)));
    });
  });
}

function makeFilterable(table, box) {
  const rows = [...table.tBodies[0].rows];
  const [input, output] = [box.querySelector("input"), box.querySelector("output")];
  // A query has no line break, so a match lies within one cell.
  const words = (row) => [...row.cells].map((cell) => cell.textContent).join("\n").toLowerCase();
  let texts = null; // read when first needed: opening the page stays fast
  input.addEventListener("input", () => {
    texts ??= rows.map(words);
    const query = input.value.trim().toLowerCase();
    rows.forEach((row, i) => { row.hidden = !texts[i].includes(query); });
    const shown = rows.filter((row) => !row.hidden).length;
    output.textContent = query ? `${grouped(shown)} of ${grouped(rows.length)} members` : "";
  });
  box.hidden = false;
}

// ---- the chosen member ----

function draw(member, epochs, logX) {
  const series = (values, name, tone) => (values ? [{ name, tone, values }] : []);
  const splits = (what) => ["train", "test"].flatMap((split) =>
    series(member.curves?.[`${split}_${what}`], split, split));
  const norms = Object.entries(member.norms ?? {}).flatMap(([name, values], i) =>
    series(values.length ? values : null, name, `layer-${i % 6 + 1}`)); // as in the figure above
  const charts = [
    ...curves("Accuracy", member, epochs, splits("accuracy"), { logX, limits: [0, 1] }),
    ...curves(`Loss (${member.loss}), logarithmic`, member, epochs, splits("loss"),
      { logX, logY: true }),
    ...curves("Norms of the layers", member, epochs, norms, { logX }),
    ...Object.entries(member.metrics ?? {}).flatMap(([name, values]) =>
      curves(name.replaceAll("_", " "), member, epochs, series(values, name, "other"), { logX })),
    ...spectrum(member),
  ];
  const empty = html("p", { class: "note" }, "Nothing has been recorded for this member yet.");
  byId("name").textContent = member.name;
  byId("facts").replaceChildren(...(member.facts ?? []).map(([name, value]) =>
    html("div", {}, html("dt", {}, name), html("dd", {}, value))));
  byId("curves").replaceChildren(...(charts.length ? charts : [empty]));
  byId("circles-note").hidden = !member.circles?.length;
  byId("circles").replaceChildren(...(member.circles ?? []).map((one) => circle(one, member)));
}

function showMembers({ epochs, first, members }, table) {
  const [choice, previous, next, log] = ["choice", "previous", "next", "log"].map(byId);
  const hash = (index) => `#member-${members[index].member}`;
  const indices = new Map(members.map((_, index) => [hash(index), index]));
  const links = new Map([...table.querySelectorAll("tbody a")].map((link) => [link.hash, link]));
  let logX = false;
  const show = (index) => {
    choice.selectedIndex = index;
    previous.disabled = index === 0;
    next.disabled = index === members.length - 1;
    table.querySelector(".chosen")?.classList.remove("chosen");
    links.get(hash(index))?.closest("tr").classList.add("chosen");
    draw(members[index], epochs, logX);
  };
  const step = (by) => { // no history entry for each step
    history.replaceState(null, "", hash(choice.selectedIndex + by));
    show(choice.selectedIndex + by);
  };
  const follow = () => {
    if (!indices.has(location.hash)) return;
    show(indices.get(location.hash));
    byId("one-member").scrollIntoView();
  };
  choice.append(...members.map(({ name }) => html("option", {}, name)));
  choice.addEventListener("change", () => step(0));
  previous.addEventListener("click", () => step(-1));
  next.addEventListener("click", () => step(1));
  log.addEventListener("click", () => {
    logX = !logX;
    log.setAttribute("aria-pressed", logX);
    show(choice.selectedIndex);
  });
  window.addEventListener("hashchange", follow);
  table.addEventListener("click", (event) => {
    // The link of the member already chosen changes no hash.
    if (event.target.closest("a")?.hash === location.hash) follow();
  });
  byId("member").hidden = false;
  show(first); // one that grokked, if there is one
  follow();
}

const table = byId("table");
makeSortable(table);
makeFilterable(table, byId("filter"));
const data = JSON.parse(byId("members").textContent);
if (data.members.length) showMembers(data, table);
