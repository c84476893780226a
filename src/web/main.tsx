import { effect } from '@preact/signals';
import { render } from 'preact';
import { App } from './app.tsx';
import { startDoorbell } from './doorbell.ts';
import { startFigures } from './figures.ts';
import { keepFocus } from './keep-focus.ts';
import { followList, takeLocalList } from './list.ts';
import { isLocal, startLocal } from './local.ts';
import { isLanguage, LANGUAGES, language } from './messages/index.ts';
import { route, startRouter } from './router.ts';
import './style/index.css';

function start(): void {
  const kept = localStorage.getItem('sallyport-language') ?? navigator.language.slice(0, 2);
  if (isLanguage(kept)) language.value = kept;
  // Whoever changes it: a screen reader speaks it, and the browser breaks lines, by what the document says of itself.
  effect(() => {
    document.documentElement.lang = language.value;
    document.documentElement.dir = LANGUAGES[language.value].dir;
  });
  document.documentElement.dataset.theme = localStorage.getItem('sallyport-theme') ?? 'auto';
  // The server says which page this is: `sallyport ui` and the static playground mark the document, a masterserver does not.
  const kind = document.querySelector('meta[name="sallyport-page"]')?.getAttribute('content');
  if (kind === 'local') {
    startLocal();
    startFigures();
    startDoorbell();
  }
  if (kind === 'playground') route.value = { screen: 'playground' };
  else startRouter(isLocal.value ? 'home' : 'servers');
  if (kind !== 'playground') startList();
  keepFocus();
  const root = document.getElementById('app');
  if (root !== null) render(<App />, root);
}

function startList(): void {
  if (isLocal.value) effect(takeLocalList);
  else followList();
}

start();
