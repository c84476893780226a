/** The public face of the masterserver: what the command starts, and the shapes of its HTTP interface. */
export * from './api.ts';
export { askFleet, drainNode, type FleetView } from './fleet-ask.ts';
export type { FleetOptions } from './fleet-options.ts';
export type { NatsOptions } from './nats.ts';
export type { FileContent, RecordFile, RecordRow } from './record-rows.ts';
export { startRelay } from './relay-alone.ts';
export type { RelayOptions } from './relays.ts';
export { hiddenFile, SERVICE_FILE, serviceUnit, writeServiceUnit } from './service-unit.ts';
export { type MasterFact, type MasterOptions, type RunningMaster, startMaster } from './start.ts';
export { createStore, type Store } from './store.ts';
export { backupStore, checkStore, renewToken, repairStore, restoreStore, type StoreReport } from './store-care.ts';
export { type WebhookConfig, webhookSchema } from './webhooks.ts';
