// Every number of a lesson, computed from its journeys as cpalab's Python engine computes it (days, currency units).
const lessonEngine = (data) => {
  const DIRECT = data.channels.indexOf("direct");
  const PERSON = -1; // a visitor known by log-in, on every device

  // The visitor behind each visit: a log-in, or the cookie of a device, which dies of age or is cleared.
  const visitorsOf = (world, cookieDays) => {
    const { user, time, device, survives } = world.visits;
    const { known, rate } = world.people;
    const visitor = new Array(user.length);
    let last = new Map();
    let cookies = [];
    for (let i = 0; i < user.length; i += 1) {
      if (i === 0 || user[i] !== user[i - 1]) { last = new Map(); cookies = []; }
      const before = last.get(device[i]);
      if (before === undefined) {
        cookies[device[i]] = 0;
      } else {
        const gap = time[i] - time[before];
        if (gap > cookieDays || survives[i] >= Math.exp(-rate[user[i]] * gap)) cookies[device[i]] += 1;
      }
      last.set(device[i], i);
      visitor[i] = known[user[i]] ? PERSON : device[i] * 1048576 + cookies[device[i]];
    }
    return visitor;
  };

  // First row of each person in rows sorted by person; one more at the end.
  const startsOf = (user, people) => {
    const starts = new Array(people + 1).fill(user.length);
    for (let i = user.length - 1; i >= 0; i -= 1) starts[user[i]] = i;
    for (let u = people - 1; u >= 0; u -= 1) starts[u] = Math.min(starts[u], starts[u + 1]);
    return starts;
  };

  const SHARES = {
    last_click: (n) => (k) => (k === n - 1 ? 1 : 0),
    first_click: () => (k) => (k === 0 ? 1 : 0),
    linear: (n) => () => 1 / n,
    position_based: (n) => (k) => (n === 1 ? 1 : n === 2 ? 0.5 : k === 0 || k === n - 1 ? 0.4 : 0.2 / (n - 2)),
    time_decay: (n, ages) => {
      const weight = ages.map((age) => 2 ** (-(age - ages[n - 1]) / 7));
      const total = weight.reduce((sum, w) => sum + w, 0);
      return (k) => weight[k] / total;
    },
  };

  const credit = (world, s) => {
    const { people, visits, views, orders } = world;
    const visitor = visitorsOf(world, s.cookie);
    const visitStarts = startsOf(visits.user, people.consent.length);
    const viewStarts = startsOf(views.user, people.consent.length);
    const credited = new Array(data.channels.length).fill(0);
    let recorded = 0;
    for (let o = 0; o < orders.user.length; o += 1) {
      const u = orders.user[o];
      if (!(people.consent[u] < s.consent / 100)) continue;
      recorded += 1;
      const at = orders.time[o];
      let touches = [];
      for (let i = visitStarts[u]; i < visitStarts[u + 1]; i += 1) {
        const age = at - visits.time[i];
        if (visitor[i] === visitor[orders.visit[o]] && age >= 0 && age <= s.lookback) touches.push({ age, channel: visits.channel[i], view: false });
      }
      for (let i = viewStarts[u]; s.view > 0 && i < viewStarts[u + 1]; i += 1) {
        const age = at - views.time[i];
        if (age >= 0 && age <= s.view) touches.push({ age, channel: views.channel[i], view: true });
      }
      if (s.dedup === "each") {
        // Each platform takes the whole order if one of its own clicks or views lies within its window.
        for (const channel of new Set(touches.map((touch) => touch.channel))) if (data.paid[channel]) credited[channel] += 1;
        continue;
      }
      touches.sort((a, b) => b.age - a.age);
      if (touches.some((touch) => touch.channel !== DIRECT)) touches = touches.filter((touch) => touch.channel !== DIRECT);
      if (touches.some((touch) => !touch.view)) touches = touches.filter((touch) => !touch.view);
      if (!touches.length) continue;
      const share = SHARES[s.model](touches.length, touches.map((touch) => touch.age));
      touches.forEach((touch, k) => { credited[touch.channel] += share(k); });
    }
    const found = { recorded, claimed: credited.reduce((sum, c) => sum + c, 0) };
    data.channels.forEach((name, c) => { found[`credit.${name}`] = credited[c]; });
    return found;
  };

  const price = (spend, orders) => (orders > 0 ? spend / orders : orders === 0 && spend > 0 ? Infinity : NaN);

  // People who saw the ads beside others; cells: saw an ad (no, yes) by visits (none, some, many).
  const compare = (group) => {
    const sum = (cells) => cells.reduce((total, n) => total + n, 0);
    const { people, on, off } = data.cells;
    const from = { everyone: 0, visitors: 1, regulars: 2 }[group];
    const other = group === "themselves"
      ? { people: sum(people[1]), orders: sum(off[1]) }
      : { people: sum(people[0].slice(from)), orders: sum(on[0].slice(from)) };
    const exposed = { people: sum(people[1]), orders: sum(on[1]) };
    const rate = other.orders / Math.max(other.people, 1);
    return {
      "exposed.people": exposed.people, "exposed.orders": exposed.orders,
      "compared.people": other.people, "compared.orders": other.orders,
      times: rate > 0 ? exposed.orders / exposed.people / rate : Infinity,
    };
  };

  const margin = (s) => {
    const [[spend, orders], [below, fewer], [, none]] = [data.ladder[s.bid + 1], data.ladder[s.bid], data.ladder[0]];
    const credited = credit(data.bids[s.bid], s)[`credit.${data.watched}`];
    return {
      spend, happened: orders, extra: orders - none, average: price(spend, orders - none),
      "step.spend": spend - below, "step.orders": orders - fewer, "step.price": price(spend - below, orders - fewer),
      "margin.credit": credited, "margin.cpa": price(spend, credited),
    };
  };

  // The first word of Philox4x32-10 at counter (user, 0, purpose, 0) and key (draw, 0), as a number in (0, 1).
  const high = (a, b) => {
    const [a0, a1, b0, b1] = [a & 0xffff, a >>> 16, b & 0xffff, b >>> 16];
    const middle = (Math.imul(a1, b0) >>> 0) + (Math.imul(a0, b0) >>> 16);
    const other = (Math.imul(a0, b1) >>> 0) + (middle & 0xffff);
    return (Math.imul(a1, b1) + ((middle / 65536) | 0) + ((other / 65536) | 0)) >>> 0;
  };
  const uniform = (user, draw) => {
    let [c0, c1, c2, c3, k0, k1] = [user >>> 0, 0, data.assignment >>> 0, 0, draw >>> 0, 0];
    for (let round = 0; round < 10; round += 1) {
      const [h0, l0, h1, l1] = [high(0xd2511f53, c0), Math.imul(0xd2511f53, c0), high(0xcd9e8d57, c2), Math.imul(0xcd9e8d57, c2)];
      [c0, c1, c2, c3] = [(h1 ^ c1 ^ k0) >>> 0, l1 >>> 0, (h0 ^ c3 ^ k1) >>> 0, l0 >>> 0];
      [k0, k1] = [(k0 + 0x9e3779b9) >>> 0, (k1 + 0xbb67ae85) >>> 0];
    }
    return (c0 + 0.5) / 4294967296;
  };

  // Quantile of Student's t at 0.975 (Abramowitz and Stegun 26.7.5), for the hundreds of degrees of freedom of a test.
  const student = (df) => {
    const z = 1.959963984540054;
    return z + (z ** 3 + z) / (4 * df) + (5 * z ** 5 + 16 * z ** 3 + 3 * z) / (96 * df ** 2)
      + (3 * z ** 7 + 19 * z ** 5 + 17 * z ** 3 - 15 * z) / (384 * df ** 3)
      + (79 * z ** 9 + 776 * z ** 7 + 1482 * z ** 5 - 1920 * z ** 3 - 945 * z) / (92160 * df ** 4);
  };

  const test = (s) => {
    const share = s.held / 100;
    const arms = { treated: { n: 0, sum: 0, squares: 0 }, control: { n: 0, sum: 0, squares: 0 } };
    const { user, on, off } = data.test;
    let held = 0;
    for (let u = 0; u < s.people; u += 1) if (uniform(u, s.draw) < share) held += 1;
    [arms.control.n, arms.treated.n] = [held, s.people - held];
    let truth = 0;
    for (let i = 0; i < user.length && user[i] < s.people; i += 1) {
      const out = uniform(user[i], s.draw) < share;
      const [arm, y] = out ? [arms.control, off[i]] : [arms.treated, on[i]];
      arm.sum += y;
      arm.squares += y * y;
      truth += on[i] - off[i];
    }
    // s² / n; for people who order once or never p(1 − p) / n, as in `ArmStatistics`.
    const spread = (arm) => {
      const mean = arm.sum / arm.n;
      return (arm.squares === arm.sum ? mean * (1 - mean) : (arm.squares - arm.n * mean ** 2) / (arm.n - 1)) / arm.n;
    };
    const [t, c] = [spread(arms.treated), spread(arms.control)];
    const found = (arms.treated.sum / arms.treated.n - arms.control.sum / arms.control.n) * arms.treated.n;
    const df = (t + c) ** 2 / (t ** 2 / (arms.treated.n - 1) + c ** 2 / (arms.control.n - 1));
    const half = t + c > 0 ? student(df) * Math.sqrt(t + c) * arms.treated.n : Infinity;
    return {
      "treated.people": arms.treated.n, "treated.orders": arms.treated.sum,
      "control.people": arms.control.n, "control.orders": arms.control.sum,
      found, low: found - half, high: found + half,
      cost: Math.round((data.costMicros * arms.treated.n) / data.users) / 1e6,
      true: (truth * arms.treated.n) / s.people,
    };
  };

  const numbers = (settings) => {
    const s = { ...data.beginning, ...settings };
    const found = { orders: data.orders };
    if (data.panels.includes("credit")) {
      const world = s.off ? data.worlds[s.off] : data.worlds.fact;
      Object.assign(found, credit(world, s), { world: world.orders.user.length });
    }
    if (data.panels.includes("compare")) Object.assign(found, compare(s.group));
    if (data.panels.includes("margin")) Object.assign(found, margin(s));
    if (data.panels.includes("test")) Object.assign(found, test(s));
    return found;
  };

  return { numbers, test, price };
};
