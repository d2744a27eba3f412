// The lesson in the browser: steps, settings and guess live in the address; every change draws the numbers anew.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const engine = lessonEngine(data);
  const STEPS = ["guess", "act", "truth", "questions", "teacher"];
  const OPEN = new Set(["guess", "teacher"]); // what may be seen before the guess
  const by = (id) => document.getElementById(id);
  const whole = (n) => n.toLocaleString("en-US", { maximumFractionDigits: 0 }).replace("-", "−");
  const number = (n) => (Math.abs(n - Math.round(n)) < 1e-9 ? whole(n) : n.toLocaleString("en-US", { maximumFractionDigits: 1, minimumFractionDigits: 1 }).replace("-", "−"));
  const money = (n) => (Number.isNaN(n) ? "–" : !Number.isFinite(n) ? "∞" : n.toLocaleString("en-US", n < 1000 ? { minimumFractionDigits: 2, maximumFractionDigits: 2 } : { maximumFractionDigits: 0 }));

  // ---------------------------------------------------------------- state: what the address says
  const controls = new Map(data.controls.map((control) => [control.key, control]));
  const read = () => {
    const given = new URLSearchParams(location.hash.slice(1));
    const settings = { ...data.beginning };
    for (const [key, control] of controls) {
      if (!given.has(key)) continue;
      if (control.choices.length) {
        if (control.choices.some(([value]) => value === given.get(key))) settings[key] = given.get(key);
      } else {
        const value = Number(given.get(key));
        const steps = Math.floor((control.high - control.low) / control.step + 1e-9);
        if (Number.isFinite(value)) settings[key] = control.low + control.step * Math.min(Math.max(Math.round((value - control.low) / control.step), 0), steps);
      }
    }
    const guess = given.has("guess") && given.get("guess") !== "" ? Number(given.get("guess")) : NaN;
    const wanted = STEPS.includes(given.get("step")) ? given.get("step") : "guess";
    const off = data.switches.includes(given.get("off")) ? given.get("off") : "";
    return { settings, guess, step: Number.isFinite(guess) || OPEN.has(wanted) ? wanted : "guess", off };
  };
  const write = (change, replace) => {
    const now = new URLSearchParams(location.hash.slice(1));
    for (const [key, value] of Object.entries(change)) if (value === "" || value === null) now.delete(key); else now.set(key, value);
    if (replace) { history.replaceState(null, "", `#${now}`); show(); } else location.hash = now;
  };

  // ---------------------------------------------------------------- controls
  const words = (control, value) => (control.names.length ? control.names[value] : value === 0 && control.zero ? control.zero : `${whole(value)} ${control.unit}`.trim());
  const build = () => {
    const place = by("controls");
    for (const control of controls.values()) {
      const row = document.createElement("div");
      const label = document.createElement("label");
      label.htmlFor = `set-${control.key}`;
      label.textContent = control.label;
      row.append(label);
      const field = document.createElement(control.choices.length ? "select" : "input");
      field.id = `set-${control.key}`;
      if (control.choices.length) {
        for (const [value, text] of control.choices) field.add(new Option(text, value));
      } else {
        Object.assign(field, { type: "range", min: control.low, max: control.high, step: control.step });
        const output = document.createElement("output");
        output.id = `said-${control.key}`;
        output.htmlFor = field.id;
        row.append(output);
      }
      field.addEventListener("input", () => write({ [control.key]: field.value }, true));
      row.append(field);
      place.append(row);
    }
  };

  // ---------------------------------------------------------------- panels
  const cell = (row, text, kind, heading) => {
    const made = document.createElement(heading ? "th" : "td");
    if (heading) made.scope = heading;
    if (kind) made.className = kind;
    if (text instanceof Node) made.append(text); else made.textContent = text;
    row.append(made);
  };
  const fill = (id, head, rows) => {
    const table = by(id);
    table.replaceChildren(table.caption);
    const top = table.createTHead().insertRow();
    head.forEach((text) => cell(top, text, "", "col"));
    const body = table.createTBody();
    for (const { kind, cells } of rows) {
      const row = body.insertRow();
      if (kind) row.className = kind;
      cells.forEach((text, i) => cell(row, text, i === 1 ? "bar-cell" : "", i === 0 ? "row" : ""));
    }
  };
  const bar = (amount, most, text) => {
    const holder = document.createElement("span");
    holder.className = "bar";
    const inner = document.createElement("i");
    inner.style.width = `${most > 0 ? (100 * amount) / most : 0}%`;
    holder.append(inner, document.createTextNode(text));
    return holder;
  };

  const creditRows = (id, found, beside, heading, besides, off = "") => {
    const shown = data.channels.map((name, c) => ({ name, c, credit: found[`credit.${name}`] })).filter(({ name, c, credit }) => data.paid[c] || credit > 0 || besides(name));
    const most = Math.max(...shown.map(({ credit }) => credit), 1);
    fill(id, ["Channel", "Orders credited", "CPA now", heading], shown.map(({ name, c, credit }) => ({
      kind: name === data.watched ? "watched" : "",
      cells: [data.labels[c], bar(credit, most, number(credit)), data.paid[c] && name !== off ? money(engine.price(data.spend[c], credit)) : "–", beside(name, c)],
    })));
  };

  const panels = {
    credit: (found, start) => {
      by("claimed").textContent = number(found.claimed);
      by("recorded").textContent = number(found.recorded);
      creditRows("credit-table", found, (name, c) => (data.paid[c] ? money(engine.price(data.spend[c], start[`credit.${name}`])) : "–"), "CPA at the start", () => false);
      const w = data.channels.indexOf(data.watched);
      const now = engine.price(data.spend[w], found[`credit.${data.watched}`]);
      return `${data.labels[w]}: CPA ${money(now)}, at the start ${money(engine.price(data.spend[w], start[`credit.${data.watched}`]))}. Credited in all: ${number(found.claimed)} of ${whole(found.orders)} real orders.`;
    },
    compare: (found) => {
      const rate = (orders, people) => `${((1000 * orders) / Math.max(people, 1)).toFixed(2)}`;
      fill("compare-table", ["People", "Orders per 1,000", "People", "Orders"], [
        { kind: "watched", cells: ["saw the ads", bar(found["exposed.orders"] / found["exposed.people"], 2 * found["exposed.orders"] / found["exposed.people"], rate(found["exposed.orders"], found["exposed.people"])), whole(found["exposed.people"]), whole(found["exposed.orders"])] },
        { cells: ["compared with", bar(found["compared.orders"] / found["compared.people"], 2 * found["exposed.orders"] / found["exposed.people"], rate(found["compared.orders"], found["compared.people"])), whole(found["compared.people"]), whole(found["compared.orders"])] },
      ]);
      return `People who saw the ads order ${Number.isFinite(found.times) ? `${found.times.toFixed(2)} times as often` : "and the others do not"}.`;
    },
    margin: (found, start, s) => {
      fill("margin-table", ["Bid", "Orders", "Spend", "Extra orders"], data.ladder.map(([spend, orders], i) => ({
        kind: i === s.bid + 1 ? "watched" : "",
        cells: [i ? controls.get("bid").names[i - 1] : "none", bar(orders - data.ladder[0][1], Math.max(...data.ladder.map((rung) => rung[1])) - data.ladder[0][1], whole(orders)), money(spend), whole(orders - data.ladder[0][1])],
      })));
      fill("prices-table", ["Cost of an order", "Price"], [
        { cells: ["what the report says (its credit)", money(found["margin.cpa"])] },
        { cells: ["average: all its money ÷ all its extra orders", money(found.average)] },
        { kind: "watched", cells: ["margin: the last step’s money ÷ the last step’s orders", money(found["step.price"])] },
      ]);
      return `The last step costs ${money(found["step.spend"])} more and brings ${whole(found["step.orders"])} more orders: ${money(found["step.price"])} each, where the average says ${money(found.average)}.`;
    },
    test: (found) => {
      fill("test-table", ["Arm", "Orders per 1,000", "People", "Orders"], [["saw ads", "treated"], ["held out", "control"]].map(([name, arm]) => ({
        cells: [name, ((1000 * found[`${arm}.orders`]) / found[`${arm}.people`]).toFixed(2), whole(found[`${arm}.people`]), whole(found[`${arm}.orders`])],
      })));
      const priced = found.low > 0 ? `between ${money(found.cost / found.high)} and ${money(found.cost / found.low)}` : found.high > 0 ? `${money(found.cost / found.high)} or more, without an upper end` : "none: it finds no extra order";
      return `Your test finds ${number(found.found)} extra orders (95% interval ${number(found.low)} to ${number(found.high)}). Cost of an extra order: ${priced}.`;
    },
  };

  // Fifty tests of fifty classmates, each an interval; drawn when asked for, a few at a time.
  const CLASS = 50;
  let drawing = 0;
  const drawClass = (s) => {
    const mine = (drawing += 1);
    const found = [];
    const next = () => {
      if (mine !== drawing) return;
      for (let k = 0; k < 5 && found.length < CLASS; k += 1) found.push(engine.test({ ...s, draw: 1000 + found.length }));
      by("class-said").textContent = `${found.length} of ${CLASS} tests drawn …`;
      if (found.length < CLASS) setTimeout(next, 0); else finish(found);
    };
    const finish = (all) => {
      const [low, high] = [Math.min(0, ...all.map((t) => t.low)), Math.max(0, ...all.map((t) => t.high))];
      const x = (v) => (600 * (v - low)) / (high - low);
      const sorted = [...all].sort((a, b) => a.found - b.found);
      const svg = (name, attributes) => { const made = document.createElementNS("http://www.w3.org/2000/svg", name); for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value); return made; };
      const picture = by("class-picture");
      picture.replaceChildren(svg("line", { x1: x(0), x2: x(0), y1: 0, y2: 6 * CLASS, class: "zero" }));
      sorted.forEach((t, i) => {
        picture.append(svg("line", { x1: x(t.low), x2: x(t.high), y1: 6 * i + 3, y2: 6 * i + 3, class: t.low > 0 ? "clear" : "open" }), svg("circle", { cx: x(t.found), cy: 6 * i + 3, r: 2 }));
      });
      const truth = all[0].true;
      picture.append(svg("line", { x1: x(truth), x2: x(truth), y1: 0, y2: 6 * CLASS, class: "truth" }));
      const holding = all.filter((t) => t.low <= t.true && t.true <= t.high).length;
      const open = all.filter((t) => t.low <= 0 && t.high >= 0).length;
      const said = `${CLASS} tests of the same ads: ${open} cannot rule out that the ads do nothing; ${holding} hold the truth (${number(truth)} extra orders); single tests say anything from ${number(sorted[0].found)} to ${number(sorted[CLASS - 1].found)}.`;
      by("class-said").textContent = said;
      picture.setAttribute("aria-label", said);
      picture.hidden = false;
      by("class-picture").removeAttribute("hidden");
    };
    next();
  };

  // ---------------------------------------------------------------- the whole page
  let shownStep = "";
  const start = engine.numbers({});
  const show = () => {
    const { settings, guess, step, off } = read();
    const known = Number.isFinite(guess);
    for (const name of STEPS) {
      by(name).hidden = name !== step;
      const link = document.querySelector(`nav a[data-step="${name}"]`);
      if (name === step) link.setAttribute("aria-current", "step"); else link.removeAttribute("aria-current");
      if (!known && !OPEN.has(name)) link.setAttribute("aria-disabled", "true"); else link.removeAttribute("aria-disabled");
    }
    if (known) { by("my-guess").value = guess; by("guess-said").textContent = `${number(guess)} ${data.guess.unit}`.trim(); }
    for (const control of controls.values()) {
      by(`set-${control.key}`).value = settings[control.key];
      if (control.choices.length) continue;
      const said = words(control, settings[control.key]);
      by(`said-${control.key}`).textContent = said;
      by(`set-${control.key}`).setAttribute("aria-valuetext", said);
    }
    const found = engine.numbers(settings);
    document.querySelectorAll(".real").forEach((place) => { place.textContent = whole(found.orders); });
    by("said").textContent = data.panels.map((panel) => panels[panel](found, start, settings)).join(" ");
    if (known) by("guessed").textContent = `${number(guess)} ${data.guess.unit}`.trim();
    if (data.panels.includes("credit")) {
      const there = off ? engine.numbers({ ...settings, off }) : found;
      creditRows("truth-table", there, (name, c) => (data.paid[c] ? (name === off ? "switched off" : money(engine.price(data.spend[c], data.truth[name]))) : "–"), "Truth: cost of an extra order", (name) => found[`credit.${name}`] > 0, off);
      if (data.switches.length) {
        by("off").value = off;
        by("world").textContent = whole(there.world);
        by("world-said").textContent = off
          ? `Without ${data.labels[data.channels.indexOf(off)].toLowerCase()} there are ${whole(there.world)} real orders instead of ${whole(found.orders)}: ${whole(Math.abs(found.orders - there.world))} ${there.world <= found.orders ? "fewer" : "more"}. The report had credited it with ${number(found[`credit.${off}`])}.`
          : "All ads are on, as they were.";
      }
    }
    if (step !== shownStep && shownStep) by(step).querySelector("h2").focus();
    shownStep = step;
    document.documentElement.dataset.step = step;
    document.documentElement.dataset.ready = "yes";
  };

  build();
  const guessField = by("my-guess");
  guessField.addEventListener("input", () => { by("guess-said").textContent = `${number(Number(guessField.value))} ${data.guess.unit}`.trim(); });
  by("guess-form").addEventListener("submit", (event) => { event.preventDefault(); write({ guess: guessField.value, step: "act" }); });
  document.querySelectorAll("[data-step]").forEach((link) => link.addEventListener("click", (event) => {
    event.preventDefault();
    if (link.getAttribute("aria-disabled") !== "true") write({ step: link.dataset.step });
  }));
  by("reset").addEventListener("click", () => write(Object.fromEntries([...controls.keys()].map((key) => [key, null])), true));
  by("off")?.addEventListener("input", () => write({ off: by("off").value }, true));
  by("class")?.addEventListener("click", () => drawClass(read().settings));
  addEventListener("hashchange", show);
  show();
  globalThis.cpalabLesson = { numbers: engine.numbers, data };
})();
