/** A second entry, for tests alone: the agent around a machine of their own, what it forwards with, and the sentences of the command. */
export { friendAddresses, hostAddress } from './addresses.ts';
export { MachineAgent } from './agent.ts';
export { gameAsker } from './ask-game.ts';
export { TcpHost } from './carry-tcp.ts';
export { cleanEvent } from './edge.ts';
export { forwardToGame } from './forward-host.ts';
export { GameWatch, type Talk } from './game-watch.ts';
export { crowdedOut, formatAnnouncement, parseAnnouncement } from './lan.ts';
export { isNeighbour } from './lan-search.ts';
export { AGENT_LIMITS } from './limits.ts';
export { type AskName, interleaved, NameWatch, type Resolved, resolveName } from './names.ts';
export { OwnNetwork } from './own-network.ts';
export { AgentPath, type PathPort } from './path.ts';
export { betterWay, inTime, isAside, type MeasuredWay, openAt, vpnOf, waysToMeasure, wayToUse } from './ways-out.ts';
export { natText, reasonText } from './words.ts';
