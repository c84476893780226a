/** What `sallyport ui` serves: the process behind the local page. */
export { Engine } from './engine.ts';
export { APP_LIMITS } from './limits.ts';
export { type Opener, openBrowser } from './opener.ts';
export { serveUi } from './server.ts';
export { SettingsFile } from './settings.ts';
