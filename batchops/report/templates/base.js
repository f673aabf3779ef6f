document.documentElement.classList.add("js");
addEventListener("DOMContentLoaded", () => {
  const root = document.documentElement;
  const theme = document.getElementById("theme");
  if (theme) theme.onclick = () => {
    const dark = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
    root.dataset.theme = (root.dataset.theme || dark) === "dark" ? "light" : "dark";
  };

  const cell = (row, index, numeric) => {
    const text = row.cells[index].dataset.v ?? row.cells[index].textContent;
    if (!numeric) return text.toLowerCase();
    const number = parseFloat(text.replace(/[\s<>]/g, "").replace("\u2212", "-"));
    return Number.isNaN(number) ? -Infinity : number;
  };
  for (const table of document.querySelectorAll("table[data-sort]")) {
    for (const head of table.querySelectorAll("thead th[data-k]")) {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      head.append(button);
      button.onclick = () => {
        const down = head.getAttribute("aria-sort") !== "descending";
        for (const other of table.querySelectorAll("th")) other.removeAttribute("aria-sort");
        head.setAttribute("aria-sort", down ? "descending" : "ascending");
        const numeric = head.dataset.k === "n";
        const order = (a, b) => {
          const x = cell(a, head.cellIndex, numeric), y = cell(b, head.cellIndex, numeric);
          return (x < y ? -1 : x > y ? 1 : 0) * (down ? -1 : 1);
        };
        table.tBodies[0].append(...[...table.tBodies[0].rows].sort(order));
      };
    }
  }

  for (const place of document.querySelectorAll("section[id], tr[id]")) {
    const link = document.createElement("a");
    link.className = "pl";
    link.href = `#${place.id}`;
    link.textContent = "#";
    const head = place.querySelector("h2, th");
    link.setAttribute("aria-label", `Link to ${head.firstChild.textContent.trim()}`);
    head.firstChild.after(" ", link);
  }

  for (const filter of document.querySelectorAll(".filter")) {
    const rows = [...document.getElementById(filter.dataset.for).tBodies[0].rows];
    const search = filter.querySelector("input[type=search]");
    const boxes = [...filter.querySelectorAll("input[type=checkbox]")];
    const apply = () => {
      const wanted = search.value.toLowerCase();
      let shown = 0;
      for (const row of rows) {
        const level = !boxes.length || boxes.some((box) => box.checked && box.value === row.dataset.s);
        row.hidden = !(level && row.cells[1].textContent.toLowerCase().includes(wanted));
        shown += !row.hidden;
      }
      filter.querySelector("output").textContent = `${shown} of ${rows.length} shown`;
    };
    filter.oninput = apply;
    apply();
  }

  const reveal = () => {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    const details = target && target.closest("details");
    if (details) details.open = true;
  };
  addEventListener("hashchange", reveal);
  reveal();
  addEventListener("beforeprint", () => {
    for (const details of document.querySelectorAll("details")) details.open = true;
  });
});
