/** The lab: real Linux NATs in network namespaces, and programs running behind them. */
export * from './counting.ts';
export * from './dns.ts';
export * from './game-servers.ts';
export * from './games.ts';
export * from './ipv6.ts';
export * from './nat.ts';
export * from './pair.ts';
export * from './party.ts';
export * from './played.ts';
export * from './process.ts';
export * from './puppeteer.ts';
export * from './sandbox.ts';
export * from './scene.ts';
export * from './script.ts';
export * from './topology.ts';
export * from './transferring.ts';
export { openVpn, type Vpn, type VpnRoutes } from './vpn.ts';
export type { LinkQuality } from './wire.ts';
