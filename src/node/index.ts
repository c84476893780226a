/** Drivers between core and the operating system. */
export * from './clock.ts';
export * from './crypto.ts';
export * from './drive.ts';
export * from './random.ts';
