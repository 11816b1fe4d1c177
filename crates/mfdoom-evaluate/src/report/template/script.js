"use strict";
// Cells on canvases: layouts of the same cells share colours, the group that stands out and, by wheel, drag or keys, the zoom.
const COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#a0522d", "#bcbd22", "#7b4fa3", "#7f7f7f",
  "#7cc43e", "#d6276b", "#943fc4", "#17becf", "#8c564b", "#ff9896", "#808000", "#f06fd8", "#00c88c", "#8ea0cb"];
const SIDE = 9999;
const NONE = 65535;

class Cloud {
  constructor(section, data) {
    Object.assign(this, { section, data, by: 0, only: null, zoom: { x: SIDE / 2, y: SIDE / 2, size: SIDE * 1.06 } });
    const views = section.querySelector(".views");
    this.canvases = data.layouts.map((layout) => {
      const figure = document.createElement("figure");
      const canvas = document.createElement("canvas");
      const caption = document.createElement("figcaption");
      canvas.tabIndex = 0;
      canvas.setAttribute("role", "img");
      canvas.setAttribute("aria-label", `${layout.title}, ${layout.n} cells; plus and minus zoom, arrows move, 0 shows all`);
      caption.textContent = `${layout.title}, ${layout.n} cells`;
      figure.append(canvas, caption);
      views.append(figure);
      this.listen(canvas);
      return canvas;
    });
    this.controls();
    // The first picture does not wait for a frame: where a page is only printed, there may be none.
    this.paintAll();
    new ResizeObserver(() => this.draw()).observe(views);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
  }

  controls() {
    const bar = this.section.querySelector(".controls");
    bar.replaceChildren(...this.data.colourings.map((colouring, at) => button(colouring.name, at === this.by, () => {
      this.by = at;
      this.only = null;
      this.controls();
      this.draw();
    })), button("show all", false, () => this.look(SIDE / 2, SIDE / 2, SIDE * 1.06)));
    const legend = this.section.querySelector(".legend");
    legend.replaceChildren(...this.data.colourings[this.by].groups.map((group, at) => {
      const item = document.createElement("li");
      const choose = button(group, this.only === at, () => {
        this.only = this.only === at ? null : at;
        this.controls();
        this.draw();
      });
      const mark = document.createElement("i");
      mark.style.background = COLOURS[at % COLOURS.length];
      choose.prepend(mark);
      item.append(choose);
      return item;
    }));
  }

  listen(canvas) {
    const keys = { "+": [0, 0, .8], "=": [0, 0, .8], "-": [0, 0, 1.25], ArrowLeft: [-.1, 0, 1], ArrowRight: [.1, 0, 1],
      ArrowUp: [0, .1, 1], ArrowDown: [0, -.1, 1] };
    canvas.addEventListener("keydown", (event) => {
      if (event.key === "0") this.look(SIDE / 2, SIDE / 2, SIDE * 1.06);
      const step = keys[event.key];
      if (!step) return;
      event.preventDefault();
      const { x, y, size } = this.zoom;
      this.look(x + step[0] * size, y + step[1] * size, size * step[2]);
    });
    canvas.addEventListener("wheel", (event) => {
      event.preventDefault();
      const { x, y, size } = this.zoom;
      const factor = event.deltaY < 0 ? .85 : 1 / .85;
      const box = canvas.getBoundingClientRect();
      const [across, up] = [(event.clientX - box.left) / box.width - .5, .5 - (event.clientY - box.top) / box.height];
      this.look(x + across * size * (1 - factor), y + up * size * (1 - factor), size * factor);
    }, { passive: false });
    let held = null;
    canvas.addEventListener("pointerdown", (event) => { held = [event.clientX, event.clientY]; canvas.setPointerCapture(event.pointerId); });
    canvas.addEventListener("pointerup", () => { held = null; });
    canvas.addEventListener("pointermove", (event) => {
      if (!held) return;
      const scale = this.zoom.size / canvas.clientWidth;
      this.look(this.zoom.x - (event.clientX - held[0]) * scale, this.zoom.y + (event.clientY - held[1]) * scale, this.zoom.size);
      held = [event.clientX, event.clientY];
    });
  }

  look(x, y, size) {
    this.zoom = { x, y, size: Math.min(Math.max(size, SIDE / 200), SIDE * 2) };
    this.draw();
  }

  draw() {
    if (this.waits) return;
    this.waits = true;
    requestAnimationFrame(() => {
      this.waits = false;
      this.paintAll();
    });
  }

  paintAll() {
    this.canvases.forEach((canvas, at) => this.paint(canvas, this.data.layouts[at]));
  }

  paint(canvas, layout) {
    const side = Math.round(canvas.clientWidth * devicePixelRatio);
    canvas.width = canvas.height = side;
    const context = canvas.getContext("2d");
    const { x, y, size } = this.zoom;
    const { cells: groups } = this.data.colourings[this.by];
    const radius = Math.min(6, Math.max(.7, 55 / Math.sqrt(layout.n)) * Math.sqrt(SIDE / size)) * devicePixelRatio;
    const none = getComputedStyle(document.body).getPropertyValue("--line");
    for (const front of [false, true]) {
      for (let cell = 0; cell < groups.length; cell++) {
        const [px, py] = [layout.points[2 * cell], layout.points[2 * cell + 1]];
        const group = groups[cell];
        const named = group !== NONE && (this.only === null || this.only === group);
        if (px === NONE || named !== front) continue;
        const [cx, cy] = [((px - x) / size + .5) * side, (.5 - (py - y) / size) * side];
        if (cx < 0 || cy < 0 || cx > side || cy > side) continue;
        context.fillStyle = named ? COLOURS[group % COLOURS.length] : none;
        if (radius < 1.5) context.fillRect(cx - radius, cy - radius, 2 * radius, 2 * radius);
        else { context.beginPath(); context.arc(cx, cy, radius, 0, 7); context.fill(); }
      }
    }
    canvas.dataset.drawn = layout.n;
  }
}

function button(text, pressed, act) {
  const made = document.createElement("button");
  made.type = "button";
  made.append(text);
  made.setAttribute("aria-pressed", pressed);
  made.addEventListener("click", act);
  return made;
}

/** Numbers of two bytes, as the page packs them. */
function unpacked(text) {
  return new Uint16Array(Uint8Array.from(atob(text), (byte) => byte.charCodeAt(0)).buffer);
}

const plots = JSON.parse(document.getElementById("plots").textContent);
for (const plot of plots) {
  plot.colourings.forEach((colouring) => { colouring.cells = unpacked(colouring.cells); });
  plot.layouts.forEach((layout) => { layout.points = unpacked(layout.points); });
}
document.querySelectorAll(".cloud").forEach((section) => new Cloud(section, plots[section.dataset.at]));
