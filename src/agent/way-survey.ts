/** Which ways to the master this network lets pass: tried beside whatever the agent does. */
import { type MasterAddress, type MasterLink, socketIds, type WayReport, WaySurvey } from '../core/index.ts';
import { nodeCrypto, systemRandom, tunnelTo } from '../node/index.ts';
import { driveOnce } from './drive-once.ts';

/** Without an agent, as whoever tries the ports of a masterserver has none. */
export function surveyWays(master: MasterAddress, link: MasterLink): Promise<readonly WayReport[]> {
  const [address = ''] = master.addresses;
  if (address === '') return Promise.resolve([]);
  const tunnel = link.tls === undefined ? {} : { openTunnel: tunnelTo(link.tls, { address, port: master.port }) };
  return survey(master, tunnel);
}

/** One round of handshakes, by the sockets and tunnels that are given. Rejects on a fault of the machine. */
export async function survey(
  master: MasterAddress,
  means: Parameters<typeof driveOnce>[1],
): Promise<readonly WayReport[]> {
  const sockets = socketIds();
  const machine = new WaySurvey({ crypto: nodeCrypto, random: systemRandom, sockets, master, wallClock: Date.now });
  return (await driveOnce(machine, means)).ways;
}
