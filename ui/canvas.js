// The surface of the drawing canvas.  What is drawn is told to Python as soon as the pen is up.
//
// data: width, height, paper, colour and pen of the tool in hand, label;
//   objects, edition: the drawing as Python knows it, and how often it replaced what was drawn;
//   seen: how many of the strokes then drawn it knew when it last did.

export default function ({ data, parentElement, setStateValue }) {
  const surface = parentElement.querySelector("canvas");
  // Kept with the surface, since Streamlit may call the clean-up of a component that lives on:
  // there is none, and whoever is called again finds the drawing as it was.
  surface.board ??= new Board(surface);
  surface.board.update(data, (drawing) => setStateValue("drawing", drawing));
}

class Board {
  constructor(surface) {
    this.surface = surface;
    this.ink = surface.getContext("2d");
    this.objects = [];
    this.stroke = null;
    surface.addEventListener("pointerdown", (event) => this.begin(event));
    surface.addEventListener("pointermove", (event) => this.move(event));
    for (const end of ["pointerup", "pointercancel", "lostpointercapture"])
      surface.addEventListener(end, (event) => this.end(event));
    // A long press of a finger is a stroke, and so is one that starts with the other button held.
    surface.addEventListener("contextmenu", (event) => event.preventDefault());
    // Where the text round the canvas is selected, a press here would begin to drag that text.
    surface.addEventListener("dragstart", (event) => event.preventDefault());
  }

  update(data, send) {
    const sharp = Math.max(1, window.devicePixelRatio || 1);
    this.send = send;
    this.surface.style.aspectRatio = `${data.width} / ${data.height}`;
    this.surface.style.width = `${data.width}px`;
    this.surface.ariaLabel = data.label;
    if (this.surface.width !== Math.round(data.width * sharp)) {
      this.surface.width = Math.round(data.width * sharp);
      this.surface.height = Math.round(data.height * sharp);
    }
    this.scale = sharp;
    const known = this.data?.edition;
    this.data = data;
    if (data.edition !== known) {
      // What was drawn after Python last knew of it stays: it was not what was undone.
      const since = known === undefined ? [] : this.objects.slice(data.seen);
      this.objects = [...data.objects, ...since];
      if (since.length) this.tell();
    }
    this.paint();
  }

  tell() {
    const { paper, edition } = this.data;
    this.send({ raw: { background: paper, edition, objects: this.objects } });
  }

  begin(event) {
    if (this.stroke || event.button !== 0 || !event.isPrimary) return;
    this.surface.setPointerCapture(event.pointerId);
    const { colour, pen } = this.data;
    this.stroke = { pointer: event.pointerId, points: [this.place(event)], colour, pen };
    this.paint();
  }

  move(event) {
    if (event.pointerId !== this.stroke?.pointer) return;
    const all = event.getCoalescedEvents?.() ?? [];
    for (const part of all.length ? all : [event]) {
      const [x, y] = this.place(part);
      const [lastX, lastY] = this.stroke.points.at(-1);
      if (Math.hypot(x - lastX, y - lastY) >= 1) this.stroke.points.push([x, y]);
    }
    this.paint();
  }

  end(event) {
    if (event.pointerId !== this.stroke?.pointer) return;
    if (event.type === "pointerup") this.move(event);
    this.objects.push(asPath(this.stroke));
    this.stroke = null;
    this.paint();
    this.tell();
  }

  // In the canvas' own pixels, wherever it stands and however large it is shown.
  place(event) {
    const box = this.surface.getBoundingClientRect();
    const x = ((event.clientX - box.left) * this.data.width) / box.width;
    const y = ((event.clientY - box.top) * this.data.height) / box.height;
    return [Math.round(10 * x) / 10, Math.round(10 * y) / 10];
  }

  paint() {
    const { ink, data, scale } = this;
    ink.setTransform(scale, 0, 0, scale, 0, 0);
    ink.fillStyle = data.paper;
    ink.fillRect(0, 0, data.width, data.height);
    ink.lineCap = ink.lineJoin = "round";
    for (const object of this.stroke ? [...this.objects, asPath(this.stroke)] : this.objects) {
      if (!Array.isArray(object.path)) continue;
      ink.strokeStyle = object.stroke;
      ink.lineWidth = object.strokeWidth;
      ink.stroke(new Path2D(object.path.map((command) => command.join(" ")).join(" ")));
    }
  }
}

// A stroke in Fabric.js' words: a curve through the middles between the places where the pen was.
function asPath({ points, colour, pen }) {
  const [x, y] = points[0];
  const path = [["M", x, y]];
  for (let i = 1; i < points.length - 1; i++) {
    const [here, next] = [points[i], points[i + 1]];
    path.push(["Q", ...here, (here[0] + next[0]) / 2, (here[1] + next[1]) / 2]);
  }
  // A tap goes a trifle to the right, or nothing would be seen of it.
  path.push(points.length > 1 ? ["L", ...points.at(-1)] : ["L", x + 0.01, y]);
  return { type: "path", path, stroke: colour, strokeWidth: pen };
}
