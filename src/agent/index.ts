/** The library `sallyport`: host and join direct UDP paths. */

export {
  type Ban,
  type Endpoint,
  type FailureCode,
  type GameState,
  isSallyportDatagram,
  type ListEntry,
  type LogEntry,
  type NatProfile,
  type PathKind,
  type PeerEvent,
  type Protocols,
  type RelayMode,
  type Service,
  type ServiceTarget,
} from '../core/index.ts';
export type { KeptBan, LocalPlaces } from '../node/index.ts';
export { FAILURES, localPlaces, SallyportError } from '../node/index.ts';
export { checkAgentOptions, hostKeyFile, hostName, readJoinTarget } from './check-options.ts';
export type { HostForwardNotice } from './forward-host.ts';
export {
  type LanWish,
  type LocalService,
  type LocalServices,
  type LocalServicesNotice,
  type LocalServicesOptions,
  openLocalServices,
} from './forward-join.ts';
export type { FriendNews, Hosting, HostingEvents, HostOptions, ServiceWish } from './hosting.ts';
export type { Agent, AgentEvents, AgentNetwork } from './interface.ts';
export { isOver, type JoinEvent, type JoinView, losePath, NEW_JOIN, type NotDirect, reduceJoin } from './join-view.ts';
export type { JoinOptions } from './joining.ts';
export { announceOnLan, type KnownHost, type LanHandle, type LanServer, listenOnLan } from './lan.ts';
export type { LanSearchWish } from './lan-search.ts';
export { type AgentOptions, openAgent } from './open.ts';
export type { ConnectionStats, Path, PathEvents, PathInfo, Released, WayNow } from './path.ts';
export { type MasterSurvey, surveyMaster } from './port-survey.ts';
export type { StunProblem } from './stun-watch.ts';
export {
  adviceText,
  linkText,
  nextText,
  notDirectText,
  RELAY_SEES,
  servicesText,
  stageText,
  uploadText,
  wayText,
} from './words.ts';
