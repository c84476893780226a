/** The public face of the masterserver: what the command starts, and the shapes of its HTTP interface. */
export * from './api.ts';
