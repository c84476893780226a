import { signal } from '@preact/signals';

export type Route =
  | { readonly screen: 'home' }
  | { readonly screen: 'servers' }
  | { readonly screen: 'join-page'; readonly code: string }
  | { readonly screen: 'host' }
  | { readonly screen: 'connecting'; readonly join: number | null }
  | { readonly screen: 'network' }
  | { readonly screen: 'settings' }
  | { readonly screen: 'admin' }
  | { readonly screen: 'playground' }
  | { readonly screen: 'unknown' };

/** What `/` is: the two choices in the app, the list on a masterserver's page. */
let root: Route = { screen: 'servers' };

function parseRoute(path: string): Route {
  const [, first = '', second = ''] = path.split('/');
  switch (first) {
    case 'j':
      return { screen: 'join-page', code: decodeURIComponent(second) };
    case 'joins':
      return { screen: 'connecting', join: /^\d+$/.test(second) ? Number(second) : null };
    case 'host':
    case 'network':
    case 'servers':
    case 'settings':
    case 'admin':
    case 'playground':
      return { screen: first };
    default:
      return first === '' ? root : { screen: 'unknown' };
  }
}

export const route = signal<Route>(root);

export function startRouter(home: 'home' | 'servers'): void {
  root = { screen: home };
  const read = (): void => {
    route.value = parseRoute(location.pathname);
  };
  addEventListener('popstate', read);
  read();
}

export function go(path: string): void {
  history.pushState(null, '', path);
  route.value = parseRoute(path);
  document.querySelector<HTMLElement>('main')?.focus();
}

/** For links: keeps the browser's own behaviour for middle clicks and modifier keys. */
export function followInPage(event: MouseEvent): void {
  const link = (event.currentTarget as HTMLAnchorElement | null)?.getAttribute('href');
  if (link === null || link === undefined || event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey)
    return;
  event.preventDefault();
  go(link);
}
