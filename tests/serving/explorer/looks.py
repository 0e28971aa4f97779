"""What a page looks like to a reader: contrast, names of fields, rings of focus; asked of the browser."""

from __future__ import annotations

from serving.explorer.web import Web

_CONTRAST = """(() => {
  const parse = c => {
    const found = c.match(/[\\d.]+/g).map(Number);
    return found.length < 4 ? [...found, 1] : found;
  };
  const light = ([r, g, b]) => {
    const f = v => (v /= 255) <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4;
    return .2126 * f(r) + .7152 * f(g) + .0722 * f(b);
  };
  const ground = e => {
    for (; e; e = e.parentElement) {
      const c = parse(getComputedStyle(e).backgroundColor);
      if (c[3] === 1) return c;
    }
    return [255, 255, 255, 1];
  };
  const written = e => [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim())
    || (e.matches('input:not([type=range], [type=radio], [type=hidden])') && (e.value || e.placeholder));
  const bad = [];
  for (const e of document.querySelectorAll('body *')) {
    const box = e.getBoundingClientRect(), style = getComputedStyle(e);
    if (!written(e) || box.width < 2 || box.height < 2 || style.visibility === 'hidden') continue;
    const [a, b] = [light(parse(style.color)), light(ground(e))].sort((x, y) => y - x);
    if ((a + .05) / (b + .05) < 4.5) bad.push(e.outerHTML.slice(0, 90) + style.color);
  }
  return bad;
})()"""

_NAMELESS = """(() => [...document.querySelectorAll('input:not([type=hidden]), select, textarea, button, a')]
  .filter(e => !e.closest('[hidden]') && e.tabIndex >= 0)
  .filter(e => !(e.labels?.[0]?.textContent || e.getAttribute('aria-label') || e.textContent).trim())
  .map(e => e.outerHTML.slice(0, 90)))()"""

_POINTED = """(() => [...document.querySelectorAll('[aria-labelledby], [aria-describedby], label[for]')]
  .map(e => e.getAttribute('aria-labelledby') || e.getAttribute('aria-describedby') || e.htmlFor)
  .filter(id => !document.getElementById(id)))()"""

# A radio button lies under its label: there the label has the ring.
_RING = """(e => [e, e.nextElementSibling].some(one => {
  const style = one && getComputedStyle(one);
  return style && style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2;
}))(document.activeElement)"""


def faint(web: Web) -> list[str]:
    """Texts that stand out from their ground by less than WCAG AA asks for."""
    return list(web.value(_CONTRAST))


def nameless(web: Web) -> list[str]:
    """Fields, buttons and links that nobody who listens could tell apart, and labels of nothing."""
    return [*web.value(_NAMELESS), *web.value(_POINTED)]


def ringed(web: Web) -> bool:
    """Whether it can be seen what has the focus."""
    return bool(web.value(_RING))
