/**
 * Where a part of the page that had the focus goes away (a form that has become what it asked for), or its button takes no press for a
 * moment, the browser leaves the focus nowhere: whoever has no mouse would begin at the top, and a screen reader falls silent. The screen as
 * a whole gets it instead, and the next Tab is its first stop.
 */
export function keepFocus(): void {
  let last: Element | null = null;
  addEventListener('focusin', ({ target }) => {
    last = target instanceof Element ? target : null;
  });
  const look = (): void => {
    if (document.activeElement !== document.body || last === null) return;
    if (last.isConnected && !last.matches(':disabled')) return;
    last = null;
    document.querySelector<HTMLElement>('main')?.focus({ preventScroll: true });
  };
  new MutationObserver(look).observe(document.body, {
    ...{ childList: true, subtree: true, attributes: true },
    attributeFilter: ['disabled'],
  });
}
