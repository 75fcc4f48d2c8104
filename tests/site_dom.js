// Just enough of a page to run the site's scripts in Node.js: a tree of elements, values, events and loaded data files.
// It lays nothing out; tests/test_site_browser.py does all this in a real browser where there is one.
"use strict";
const fs = require("fs"), path = require("path"), vm = require("vm");

class Element {
  constructor(tag) { Object.assign(this, { tag, attributes: {}, nodes: [], parentNode: null, listeners: {}, checked: false, hidden: false }); }
  get children() { return this.nodes.filter((node) => node instanceof Element); }
  get textContent() { return this.nodes.map((node) => (node instanceof Element ? node.textContent : node)).join(""); }
  set textContent(text) { this.nodes = [String(text)]; }
  append(...added) {
    for (const node of added) {
      if (node instanceof Element) {
        node.parentNode?.nodes.splice(node.parentNode.nodes.indexOf(node), 1);
        node.parentNode = this;
      }
      this.nodes.push(node);
      if (node.tag === "script" && node.src) loadScript(node);
    }
  }
  prepend(node) { node.parentNode = this; this.nodes.unshift(node); }
  replaceChildren(...added) { this.nodes = []; this.append(...added); }
  setAttribute(name, value) { this.attributes[name] = String(value); }
  getAttribute(name) { return this.attributes[name] ?? null; }
  removeAttribute(name) { delete this.attributes[name]; }
  addEventListener(name, act) { (this.listeners[name] ??= []).push(act); }
  fire(name, event = {}) { for (const act of this.listeners[name] ?? []) act({ preventDefault() {}, ...event }); }
  focus() { focused = this; this.fire("focus"); }
  get classList() {
    const words = () => (this.attributes.class ?? "").split(" ").filter(Boolean);
    return {
      contains: (word) => words().includes(word),
      toggle: (word, on) => { this.attributes.class = [...words().filter((w) => w !== word), ...(on ? [word] : [])].join(" "); },
    };
  }
  get dataset() { return Object.fromEntries(Object.entries(this.attributes).filter(([k]) => k.startsWith("data-")).map(([k, v]) => [k.slice(5), v])); }
  get value() {
    if (this.held !== undefined) return this.held;
    if (this.tag === "select") return this.all("option")[0]?.value ?? "";
    return this.attributes.value ?? (this.tag === "option" ? this.textContent : "");
  }
  set value(value) { this.held = String(value); }
  all(tag) { return this.children.flatMap((child) => [...(child.tag === tag ? [child] : []), ...child.all(tag)]); }
  get tHead() { return this.all("thead")[0]; }
  get tBodies() { return this.all("tbody"); }
  get rows() { return this.all("tr"); }
  get cells() { return this.children; }
}
// As in a browser, replacing a select's options forgets what was chosen.
const replace = Element.prototype.replaceChildren;
Element.prototype.replaceChildren = function (...added) { if (this.tag === "select") this.held = undefined; replace.apply(this, added); };

let focused = null, folder = "";
function loadScript(node) {
  try {
    vm.runInThisContext(fs.readFileSync(path.join(folder, decodeURIComponent(node.src)), "utf8"));
  } catch (fault) {
    node.onerror?.(fault);
  }
}

function grow(tree) {
  const node = new Element(tree.tag);
  for (const [name, value] of Object.entries(tree.attributes)) node.setAttribute(name, value ?? "");
  for (const child of tree.nodes) node.append(typeof child === "string" ? child : grow(child));
  return node;
}

globalThis.open = function (tree, where, hash = "") {
  folder = where;
  const root = grow(tree), every = (node) => [node, ...node.children.flatMap(every)];
  globalThis.document = {
    head: new Element("head"),
    createElement: (tag) => new Element(tag),
    createElementNS: (_, tag) => new Element(tag),
    getElementById: (id) => every(root).find((node) => node.getAttribute("id") === id) ?? null,
    querySelectorAll: (selector) => {
      const tables = every(root).filter((node) => node.tag === "table" && node.classList.contains("sortable"));
      return selector === "table.sortable" ? tables : tables.flatMap((table) => table.tBodies[0].rows);
    },
  };
  globalThis.location = { hash };
  globalThis.focusedElement = () => focused;
};
