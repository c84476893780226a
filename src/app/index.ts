/** What a program of ours runs as others on this computer see it: the local interface `/v1`, and the page of `sallyport ui`. */
export { Engine } from './engine.ts';
export type { EngineOptions } from './engine-options.ts';
export type { ShownJoin } from './joins.ts';
export { APP_LIMITS } from './limits.ts';
export type {
  FriendView,
  HostingView,
  LocalAnswer,
  LocalCommand,
  LocalState,
  OwnMasterFault,
  OwnMasterWay,
} from './local-api.ts';
export { NorayFront } from './noray.ts';
export { type Opener, openBrowser } from './opener.ts';
export type { RunningOwnMaster, StartOwnMaster } from './own-master.ts';
export { failure } from './problems.ts';
export { type SchemeHandler, schemeHandler } from './scheme.ts';
export { serveLocal } from './server.ts';
export { SettingsFile } from './settings.ts';
export { running, writeTokenFile, writeTokenFileAt } from './token-file.ts';
