// Dots, the line of a logistic regression between them, and its sigmoid's slope as shading.  The
// line is dragged here; what it costs, Python says.
//
// data: size of the drawing; low, high: the corners of what is shown, in the two numbers as
//   learning sees them; ticks, names of the axes;
//   dots: {key, points: [x, y, kind, words], sheet, across}, or null for those known already;
//   own: {x, y, picture, words} or null;
//   theta: [bias, first, second]; stops: the shading, [score, colour, opacity]; edge: the score of
//   the dashed lines; most: how steep a dragged line may be; said: what stands above; label;
//   heard: how many lines Python has taken over;
//   way: {thetas, said} to be walked along, or null.

const SVG = "http://www.w3.org/2000/svg";
const EDGES = { left: 46, right: 8, top: 30, bottom: 40 };
// Milliseconds between two lines that are told while one is dragged; and a step of the way takes.
const PAUSE = 100;
const [STEP, SHORTEST, LONGEST] = [60, 400, 3000];
// How near a pointer must be to a dot to see its picture.
const NEAR = 14;
// The picture on hover, three times as large as it is.
const PICTURE = 84;

export default function ({ data, parentElement, setStateValue }) {
  const place = parentElement.querySelector(".plane");
  // Kept with its place, as the drawing canvas is with its own.
  place.plane ??= new Plane(place);
  place.plane.update(data, (line) => setStateValue("line", line));
}

function add(parent, name, attributes = {}, text) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (text !== undefined) element.textContent = text;
  parent.append(element);
  return element;
}

class Plane {
  constructor(place) {
    this.place = place;
    this.svg = add(place, "svg", { role: "img" });
    const defs = add(this.svg, "defs");
    this.clip = add(add(defs, "clipPath", { id: "inside" }), "rect");
    this.gradient = add(defs, "linearGradient", { id: "slope", gradientUnits: "userSpaceOnUse" });
    this.axes = add(this.svg, "g", { class: "axes" });
    const inside = add(this.svg, "g", { "clip-path": "url(#inside)" });
    this.space = add(inside, "g");
    this.shade = add(this.space, "rect", { fill: "url(#slope)" });
    this.dots = add(inside, "g");
    this.lines = add(inside, "g");
    this.own = add(inside, "g");
    this.handles = add(this.svg, "g");
    this.status = add(this.svg, "text", { class: "said", x: EDGES.left, y: 18 });
    this.tip = document.createElement("div");
    this.tip.className = "tip";
    this.tip.hidden = true;
    place.append(this.tip);
    this.svg.addEventListener("pointermove", (event) => this.move(event));
    this.svg.addEventListener("pointerdown", (event) => this.begin(event));
    // A finger that is lifted has left, too; what it tapped stays to be looked at.
    this.svg.addEventListener("pointerleave", (event) => {
      if (event.pointerType !== "touch") this.hide();
    });
    for (const end of ["pointerup", "pointercancel"])
      this.svg.addEventListener(end, (event) => this.end(event));
  }

  update(data, send) {
    this.data = data;
    this.send = send;
    // Mounted anew it goes on counting where Python is.
    this.count ??= data.heard;
    if (data.dots && data.dots.key !== this.known?.key) this.known = data.dots;
    const { size, low, high } = data;
    this.svg.setAttribute("viewBox", `0 0 ${size} ${size}`);
    this.svg.setAttribute("aria-label", data.label);
    this.wide = size - EDGES.left - EDGES.right;
    this.tall = size - EDGES.top - EDGES.bottom;
    this.scale = [this.wide / (high[0] - low[0]), this.tall / (high[1] - low[1])];
    this.frame();
    this.paintDots();
    if (data.way) this.walk(data.way);
    // An echo of a line that has been moved on since says nothing new.
    if (this.drag || data.heard < this.count) {
      this.status.textContent = data.said;
      return;
    }
    if (this.walking && String(this.goal) === String(data.theta)) return;
    this.stop();
    this.show(data.theta, data.said);
  }

  // From the two numbers to the drawing, and back.
  x = (value) => EDGES.left + (value - this.data.low[0]) * this.scale[0];
  y = (value) => EDGES.top + (this.data.high[1] - value) * this.scale[1];
  numbers(event) {
    const box = this.svg.getBoundingClientRect();
    const [x, y] = this.onDrawing(event, box);
    return [
      this.data.low[0] + (x - EDGES.left) / this.scale[0],
      this.data.high[1] - (y - EDGES.top) / this.scale[1],
    ];
  }
  onDrawing(event, box = this.svg.getBoundingClientRect()) {
    const zoom = this.data.size / box.width;
    return [(event.clientX - box.left) * zoom, (event.clientY - box.top) * zoom];
  }

  frame() {
    const { ticks, names, low, high, size, stops } = this.data;
    const box = { x: EDGES.left, y: EDGES.top, width: this.wide, height: this.tall };
    for (const [key, value] of Object.entries(box)) this.clip.setAttribute(key, value);
    this.axes.replaceChildren();
    add(this.axes, "rect", { ...box, class: "frame" });
    for (const [at, text] of ticks[0]) {
      add(this.axes, "line", { x1: this.x(at), x2: this.x(at), y1: box.y, y2: box.y + this.tall });
      add(this.axes, "text", { x: this.x(at), y: box.y + this.tall + 14, class: "middle" }, text);
    }
    for (const [at, text] of ticks[1]) {
      add(this.axes, "line", { x1: box.x, x2: box.x + this.wide, y1: this.y(at), y2: this.y(at) });
      add(this.axes, "text", { x: box.x - 5, y: this.y(at) + 4, class: "end" }, text);
    }
    const [middle, centre] = [box.x + this.wide / 2, box.y + this.tall / 2];
    add(this.axes, "text", { x: middle, y: size - 6, class: "middle" }, names[0]);
    const turn = `rotate(-90 11 ${centre})`;
    add(this.axes, "text", { x: 11, y: centre, class: "middle", transform: turn }, names[1]);
    // The shading lies in the two numbers' own space: what is straight across the line there
    // may slant on the drawing, where the axes have scales of their own.
    const [sx, sy] = this.scale;
    const moved = [box.x - low[0] * sx, box.y + high[1] * sy];
    this.space.setAttribute("transform", `matrix(${sx} 0 0 ${-sy} ${moved[0]} ${moved[1]})`);
    const [width, height] = [high[0] - low[0], high[1] - low[1]];
    for (const [key, value] of Object.entries({ x: low[0], y: low[1], width, height }))
      this.shade.setAttribute(key, value);
    this.gradient.replaceChildren();
    const [first, last] = [stops[0][0], stops.at(-1)[0]];
    for (const [score, colour, opacity] of stops)
      add(this.gradient, "stop", {
        offset: (score - first) / (last - first),
        "stop-color": colour,
        "stop-opacity": opacity,
      });
  }

  paintDots() {
    const { low, high, own } = this.data;
    const drawn = [this.known?.key, low, high].join();
    if (drawn !== this.drawn) {
      this.drawn = drawn;
      this.dots.replaceChildren();
      for (const [x, y, kind] of this.known?.points ?? []) {
        const [left, top] = [this.x(x), this.y(y)];
        if (kind) add(this.dots, "circle", { cx: left, cy: top, r: 4, class: "yes" });
        else add(this.dots, "rect", { x: left - 3.5, y: top - 3.5, width: 7, height: 7, class: "no" });
      }
    }
    this.own.replaceChildren();
    if (own) {
      const star = Array.from({ length: 10 }, (_, i) => {
        const [far, turn] = [i % 2 ? 4.5 : 11, (i * Math.PI) / 5];
        return `${this.x(own.x) + far * Math.sin(turn)},${this.y(own.y) - far * Math.cos(turn)}`;
      });
      add(this.own, "polygon", { points: star.join(" "), class: "own" });
    }
  }

  // The line of theta: in which direction across it 'yes' lies, how far off, how steep.
  show(theta, said) {
    const [bias, ...weights] = theta;
    const steep = Math.hypot(...weights);
    this.line = steep
      ? { across: weights.map((w) => w / steep), offset: -bias / steep, steep }
      : null;
    this.status.textContent = said;
    this.paintLine();
  }

  at = (along, across) => {
    const [ax, ay] = this.line.across;
    const off = this.line.offset + across;
    return [off * ax - along * ay, off * ay + along * ax];
  };

  // Between which lengths along the line it is seen; null where it is not.
  seen() {
    const { low, high } = this.data;
    const [ax, ay] = this.line.across;
    let [first, last] = [-Infinity, Infinity];
    [-ay, ax].forEach((way, k) => {
      const foot = this.line.offset * this.line.across[k];
      if (Math.abs(way) < 1e-9) {
        if (foot < low[k] || foot > high[k]) first = Infinity;
        return;
      }
      const sides = [(low[k] - foot) / way, (high[k] - foot) / way].sort((a, b) => a - b);
      first = Math.max(first, sides[0]);
      last = Math.min(last, sides[1]);
    });
    return first < last ? [first, last] : null;
  }

  paintLine() {
    this.lines.replaceChildren();
    this.handles.replaceChildren();
    this.shade.style.display = this.line ? "" : "none";
    if (!this.line) return;
    const { edge, stops } = this.data;
    const { steep } = this.line;
    for (const [end, score] of [["1", stops[0][0]], ["2", stops.at(-1)[0]]]) {
      const [x, y] = this.at(0, score / steep);
      this.gradient.setAttribute(`x${end}`, x);
      this.gradient.setAttribute(`y${end}`, y);
    }
    for (const [score, kind] of [[-edge, "edge"], [edge, "edge"], [0, "line"]]) {
      const [from, to] = [-100, 100].map((along) => this.at(along, score / steep));
      const ends = { x1: this.x(from[0]), y1: this.y(from[1]), x2: this.x(to[0]), y2: this.y(to[1]) };
      add(this.lines, "line", { ...ends, class: kind });
    }
    const seen = this.seen();
    if (!seen) return;
    const along = (share) => seen[0] + share * (seen[1] - seen[0]);
    this.pivot = along(0.5);
    this.handle("turn", this.at(along(0.12), 0), "Turn the line");
    this.handle("turn", this.at(along(0.88), 0), "Turn the line");
    this.handle("shift", this.at(this.pivot, 0), "Move the line");
    this.handle("bend", this.within(along(0.3), edge / steep), "Steeper or flatter");
  }

  // A place across the line, or where there is no room for that the farthest there is.
  within(along, far) {
    const { low, high } = this.data;
    const inside = ([x, y]) => x > low[0] && x < high[0] && y > low[1] && y < high[1];
    let across = far;
    while (!inside(this.at(along, across)) && across > far / 1000) across *= 0.9;
    return this.at(along, across);
  }

  handle(what, [x, y], hint) {
    const group = add(this.handles, "g", {
      class: `handle ${what}`,
      transform: `translate(${this.x(x)} ${this.y(y)})`,
      "data-handle": what,
    });
    add(group, "title", {}, hint);
    add(group, "circle", { r: 16, class: "reach" });
    if (what === "turn") add(group, "circle", { r: 6.5 });
    else add(group, "rect", { x: -6, y: -6, width: 12, height: 12, ...(what === "bend" ? { transform: "rotate(45)" } : {}) });
  }

  begin(event) {
    const what = event.target.closest?.("[data-handle]")?.dataset.handle;
    if (event.button !== 0 || !event.isPrimary) return;
    if (!what) return this.hover(event);
    this.stop();
    this.hide();
    event.preventDefault();
    this.svg.setPointerCapture(event.pointerId);
    this.drag = { pointer: event.pointerId, what, pivot: this.at(this.pivot, 0) };
    this.place.classList.add("dragging");
  }

  move(event) {
    if (!this.drag) return this.hover(event);
    if (event.pointerId !== this.drag.pointer) return;
    const [x, y] = this.numbers(event);
    const { line } = this;
    const { what, pivot } = this.drag;
    if (what === "turn") {
      const way = [x - pivot[0], y - pivot[1]];
      const far = Math.hypot(...way);
      if (far < 1e-6) return;
      const across = [-way[1] / far, way[0] / far];
      // 'Yes' stays on its side.
      const side = across[0] * line.across[0] + across[1] * line.across[1] < 0 ? -1 : 1;
      line.across = across.map((value) => side * value);
      line.offset = pivot[0] * line.across[0] + pivot[1] * line.across[1];
    } else {
      const far = x * line.across[0] + y * line.across[1];
      if (what === "shift") line.offset = far;
      else line.steep = Math.min(this.data.edge / Math.max(far - line.offset, 1e-3), this.data.most);
    }
    this.paintLine();
    this.tell();
  }

  end(event) {
    if (event.pointerId !== this.drag?.pointer) return;
    this.drag = null;
    this.place.classList.remove("dragging");
    this.tell(true);
  }

  // Not more often than Python can answer.
  tell(now = false) {
    clearTimeout(this.waiting);
    const late = PAUSE - (performance.now() - (this.told ?? -Infinity));
    if (!now && late > 0) {
      this.waiting = setTimeout(() => this.tell(true), late);
      return;
    }
    this.told = performance.now();
    this.count += 1;
    const { across, offset, steep } = this.line;
    const theta = [-offset * steep, across[0] * steep, across[1] * steep];
    this.send({ theta, count: this.count });
  }

  walk({ thetas, said }) {
    this.stop();
    const quiet = matchMedia("(prefers-reduced-motion: reduce)").matches;
    if (quiet || thetas.length < 2) return;
    const lasts = Math.min(LONGEST, Math.max(SHORTEST, STEP * thetas.length));
    const began = performance.now();
    this.goal = thetas.at(-1);
    const frame = () => {
      const share = Math.min(1, (performance.now() - began) / lasts);
      const at = Math.round(share * (thetas.length - 1));
      this.show(thetas[at], share < 1 ? said[at] : this.data.said);
      this.walking = share < 1 ? requestAnimationFrame(frame) : null;
    };
    this.walking = requestAnimationFrame(frame);
  }

  stop() {
    if (this.walking) cancelAnimationFrame(this.walking);
    this.walking = null;
  }

  // The picture of the dot that the pointer is near to.
  hover(event) {
    const [x, y] = this.onDrawing(event);
    const far = ([px, py]) => Math.hypot(this.x(px) - x, this.y(py) - y);
    const { own } = this.data;
    const points = this.known?.points ?? [];
    let nearest = own && far([own.x, own.y]) < NEAR ? -1 : null;
    let least = NEAR;
    if (nearest === null)
      points.forEach((point, i) => {
        if (far(point) < least) [nearest, least] = [i, far(point)];
      });
    if (nearest === null) return this.hide();
    const point = nearest < 0 ? [own.x, own.y, null, own.words] : points[nearest];
    const picture = document.createElement("div");
    picture.className = "picture";
    const across = nearest < 0 ? 1 : this.known.across;
    const place = Math.max(nearest, 0);
    Object.assign(picture.style, {
      backgroundImage: `url(${nearest < 0 ? own.picture : this.known.sheet})`,
      backgroundSize: `${across * PICTURE}px auto`,
      backgroundPosition: `${-(place % across) * PICTURE}px ${-Math.floor(place / across) * PICTURE}px`,
    });
    const words = document.createElement("div");
    words.textContent = point[3];
    this.tip.replaceChildren(picture, words);
    this.tip.hidden = false;
    // On the side where there is room.
    const zoom = this.svg.getBoundingClientRect().width / this.data.size;
    const [left, top] = [this.x(point[0]) * zoom, this.y(point[1]) * zoom];
    const box = this.svg.getBoundingClientRect();
    const over = top > box.height / 2;
    const right = left > box.width / 2;
    Object.assign(this.tip.style, {
      left: right ? "" : `${left + 14}px`,
      right: right ? `${this.place.clientWidth - left + 14}px` : "",
      top: `${over ? top - this.tip.offsetHeight + 6 : top - 6}px`,
    });
  }

  hide() {
    this.tip.hidden = true;
  }
}
