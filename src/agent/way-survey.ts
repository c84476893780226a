/** Which ways to the master this network lets pass: tried beside whatever the agent does. */
import { type MasterAddress, type MasterLink, socketIds, type WayReport, WaySurvey } from '../core/index.ts';
import { drive, nodeCrypto, systemRandom, tunnelTo } from '../node/index.ts';

/** For `sallyport check`. */
export function surveyWays(master: MasterAddress, link: MasterLink): Promise<readonly WayReport[]> {
  const [address = ''] = master.addresses;
  if (address === '') return Promise.resolve([]);
  const tunnel = link.tls === undefined ? {} : { openTunnel: tunnelTo(link.tls, { address, port: master.port }) };
  return survey(master, tunnel);
}

/** One round of handshakes, by the sockets and tunnels that are given. Rejects on a fault of the machine. */
export function survey(
  master: MasterAddress,
  means: Pick<Parameters<typeof drive>[1], 'openSocket' | 'openTunnel'>,
): Promise<readonly WayReport[]> {
  return new Promise((resolve, reject) => {
    const machine = new WaySurvey({
      crypto: nodeCrypto,
      random: systemRandom,
      sockets: socketIds(),
      master,
      wallClock: Date.now,
    });
    const driver = drive(machine, {
      ...means,
      onEvent(event) {
        // After the turn: the sockets are closed by what the machine says last.
        queueMicrotask(() => driver.dispose());
        resolve(event.ways);
      },
      onFault: reject,
    });
    driver.command({ do: 'start' });
  });
}
