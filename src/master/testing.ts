/** A second entry, for tests alone: the masterserver without its sockets, the files it keeps and reads, and what it tells other services. */

export { createCallers, isProxyName } from './callers.ts';
export { readDownloads } from './downloads.ts';
export { type FleetFact, startFleet } from './fleet.ts';
export { type BanFact, FleetBans } from './fleet-bans.ts';
export { HostsHeard } from './fleet-hosts-heard.ts';
export { HostsTold } from './fleet-hosts-told.ts';
export { type Member, Members } from './fleet-members.ts';
export { type HostsWord, wordSchema } from './fleet-words.ts';
export { parseLocated } from './json-lines.ts';
export { SERVER_LIMITS } from './limits.ts';
export { createLog, createPseudonyms } from './log.ts';
export { createOffice, type Office } from './office.ts';
export { readOfficialFolder, resolveOfficial } from './official.ts';
export { openRecordFile } from './record-file.ts';
export { partOfQuotas, RELAY_QUOTAS, readQuotas, readRelayAt } from './relay-options.ts';
export { relayRules } from './relay-rules.ts';
export { startRelayThread } from './relay-thread.ts';
export { RelayWays } from './relay-ways.ts';
export { type Row, Rows } from './rows.ts';
export { libsql, nodeSqlite, type OpenSqlite, openSqlite } from './sqlite.ts';
export { type BanRow, openStore, type Store } from './store.ts';
export { startStun } from './stun.ts';
export { readTicketKeys, saveTicketKeys } from './ticket-keys.ts';
export { createTunnels, type Tunnels } from './tunnel.ts';
export { bodyFor, createWebhooks, type WebhookMessage } from './webhooks.ts';
