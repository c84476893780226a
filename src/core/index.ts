/** The public face of core: what sim, node, master, agent and the tests build on. */
export * from './address.ts';
export * from './contract.ts';
export type * from './detect/source.ts';
export * from './errors.ts';
export * from './limits.ts';
export * from './machine.ts';
export type * from './nat/profile.ts';
export type * from './peer/interface.ts';
export type * from './random.ts';
export type * from './rendezvous/interface.ts';
export type * from './rendezvous/messages.ts';
export * from './rendezvous/text.ts';
export type * from './secure/crypto.ts';
export type * from './traverse/interface.ts';
export * from './wire.ts';
