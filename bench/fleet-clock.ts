/**
 * A preload (`node --import`): from here on this process reads the clock on the wall so many milliseconds later than it is. Debian's faketime
 * would shift the monotonic clock of libuv too, which no wrong clock does.
 */
const offsetMs = Number(process.env.FLEET_CLOCK_MS ?? '0');
const { now } = Date;
Date.now = () => now() + offsetMs;
