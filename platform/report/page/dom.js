'use strict';

// Elements. Text always goes through text nodes: names come from anybody's files.
function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith('on')) node.addEventListener(name.slice(2), value);
    else if (value !== undefined) node.setAttribute(name, value);
  }
  node.append(...children.filter((child) => child !== undefined && child !== null));
  return node;
}

function svg(tag, attributes = {}, ...children) {
  const node = document.createElementNS('http:' + '//www.w3.org/2000/svg', tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

// A line of explanation beside the pointer.
const tip = {
  show(event, text) {
    const box = document.getElementById('tip');
    box.textContent = text;
    box.hidden = false;
    const { width, height } = box.getBoundingClientRect();
    box.style.left = Math.min(event.clientX + 14, innerWidth - width - 8) + 'px';
    box.style.top = Math.min(event.clientY + 14, innerHeight - height - 8) + 'px';
  },
  hide() {
    document.getElementById('tip').hidden = true;
  },
};

const sum = (values) => values.reduce((total, value) => total + value, 0);
const largest = (values) => values.reduce((most, value) => Math.max(most, value), 0);
const isObject = (value) => value !== null && typeof value === 'object' && !Array.isArray(value);
