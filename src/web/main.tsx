import { effect } from '@preact/signals';
import { render } from 'preact';
import { App } from './app.tsx';
import { followList, takeLocalList } from './list.ts';
import { isLocal, startLocal } from './local.ts';
import { isLanguage, language } from './messages/index.ts';
import { startRouter } from './router.ts';
import './style.css';

function start(): void {
  const kept = localStorage.getItem('sallyport-language') ?? navigator.language.slice(0, 2);
  if (isLanguage(kept)) language.value = kept;
  document.documentElement.lang = language.value;
  document.documentElement.dataset.theme = localStorage.getItem('sallyport-theme') ?? 'auto';
  // The server says which page this is: `sallyport ui` marks the document, a masterserver does not.
  if (document.querySelector('meta[name="sallyport-page"]')?.getAttribute('content') === 'local') startLocal();
  startRouter();
  startList();
  const root = document.getElementById('app');
  if (root !== null) render(<App />, root);
}

function startList(): void {
  if (isLocal.value) effect(takeLocalList);
  else followList();
}

start();
