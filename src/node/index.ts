/** Drivers between core and the operating system. */

export * from './clipboard.ts';
export * from './clock.ts';
export * from './codes.ts';
export * from './crypto.ts';
export * from './drive.ts';
export * from './failure.ts';
export * from './friends.ts';
export * from './gateway.ts';
export * from './guests.ts';
export * from './listening.ts';
export * from './lock.ts';
export * from './nat64.ts';
export * from './native-udp.ts';
export * from './network.ts';
export * from './open-port.ts';
export * from './packaged.ts';
export * from './pins.ts';
export * from './places.ts';
export * from './player.ts';
export * from './random.ts';
export * from './receiving.ts';
export { type OpenUdpSocket, openDataSocket, openUdpSocket, type UdpSocket } from './socket.ts';
export * from './state.ts';
export * from './tunnel.ts';
export * from './tunnel-end.ts';
export * from './upnp.ts';
export { keepUpnpMapping, type UpnpTask, upnpTask } from './upnp-task.ts';
