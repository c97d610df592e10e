// Puts the parts of the page that the server sends in place. Without it the page is whole, only not by itself the newest.
'use strict';
(() => {
  const state = document.getElementById('live');
  if (!state || !window.EventSource) return;
  const waiting = new Map(); // parts that somebody is working in, by id
  let source = null;
  let retry = 0;

  const show = on => {
    state.dataset.on = on ? 'yes' : 'no';
    state.textContent = on ? state.dataset.live : state.dataset.off;
  };

  // Nobody shall lose what they are typing, a menu they have opened, or the button they are pressing.
  const busy = part => part.querySelector('details[open]') || part.matches(':active') ||
    part.contains(document.activeElement) && document.activeElement.matches('input, select, textarea');

  const put = (part, html) => {
    const fresh = part.cloneNode(false);
    fresh.innerHTML = html;
    if (fresh.innerHTML === part.innerHTML) return;
    const things = () => [...part.querySelectorAll('a, button, summary, input')];
    const at = things().indexOf(document.activeElement);
    part.innerHTML = html;
    if (at >= 0 && things()[at]) things()[at].focus({preventScroll: true});
  };

  const settle = () => {
    for (const [id, html] of waiting) {
      const part = document.getElementById(id);
      if (part && busy(part)) continue;
      waiting.delete(id);
      if (part) put(part, html);
    }
  };

  const clock = at => {
    const place = document.getElementById('clock');
    if (place && at) place.textContent = at;
  };

  const close = () => {
    if (source) source.close();
    source = null;
    clearTimeout(retry);
  };

  const open = () => {
    if (source || document.hidden) return;
    source = new EventSource(location.href);
    source.onopen = () => show(true);
    source.onerror = () => {
      show(false);
      if (source && source.readyState === EventSource.CLOSED) { // refused: the browser does not ask again
        close();
        retry = setTimeout(open, 15000);
      }
    };
    source.addEventListener('parts', event => {
      const update = JSON.parse(event.data);
      if (update.reload && !document.querySelector('details[open]')) return location.reload();
      for (const part of update.parts || []) waiting.set(part.id, part.html);
      settle();
      clock(update.at);
    });
    source.addEventListener('alive', event => clock(JSON.parse(event.data).at));
  };

  // A browser has few connections for one server: a page nobody sees keeps none.
  document.addEventListener('visibilitychange', () => document.hidden ? (close(), show(false)) : open());
  document.addEventListener('focusout', () => setTimeout(settle, 0));
  document.addEventListener('pointerup', () => setTimeout(settle, 0));
  document.addEventListener('toggle', settle, true);
  document.addEventListener('keydown', event => {
    if (event.key !== 'Escape') return;
    const menu = document.activeElement && document.activeElement.closest('details[open]') || document.querySelector('details.menu[open]');
    if (!menu) return;
    menu.open = false;
    menu.querySelector('summary').focus();
  });
  document.addEventListener('click', event => {
    for (const menu of document.querySelectorAll('details.menu[open]')) if (!menu.contains(event.target)) menu.open = false;
  });
  window.addEventListener('pagehide', close);
  window.addEventListener('pageshow', open);
  open();
})();
