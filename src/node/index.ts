/** Drivers: what core needs from the system. */
export * from './crypto.ts';
