/** What `join` says of the ports at which the game finds the host. */
import type { LocalService, LocalServices, LocalServicesNotice } from '../agent/index.ts';
import { endpointKey } from '../core/index.ts';
import { type GamePreset, inGame } from '../games/index.ts';
import type { Terminal } from './terminal.ts';
import { t } from './words/index.ts';

/** As the JSON lines have them. */
export function serviceFields(services: readonly LocalService[]): readonly object[] {
  return services.map(({ port, protocols, local }) => ({ port, protocol: protocols, local: endpointKey(local) }));
}

/** Where they are, and why not where they were wished. */
export function sayPlace(terminal: Terminal, { services, place }: LocalServices, wished: number | undefined): void {
  const [first] = services;
  if (first === undefined || place === 'same') return;
  const { local, port } = first;
  const number = wished ?? port;
  terminal.event('notice', {
    kind: place === 'moved' ? 'LOCAL_PORT_BUSY' : 'own-address',
    wished: number,
    local: endpointKey(local),
  });
  const one = services.length === 1;
  if (place === 'own-address') {
    const { address } = local;
    const why = one
      ? t('{number} is taken at 127.0.0.1: the game finds this host at {address}', { number, address })
      : t('one of the ports is taken at 127.0.0.1: the game finds this host at {address}', { address });
    terminal.fact('info', 'Local port', why, 'whole');
  } else {
    const values = { number, port: local.port };
    const why = one
      ? t('{number} is taken (LOCAL_PORT_BUSY): {number} is {port} here', values)
      : t('one of the ports is taken (LOCAL_PORT_BUSY): {number} is {port} here, and the others move with it', values);
    terminal.fact('warn', 'Local port', why);
  }
}

/** One line for each, to be typed or copied into the game; and what that is called in a game that is known. */
export function sayServices(
  terminal: Terminal,
  { services, lanAddresses }: Pick<LocalServices, 'services' | 'lanAddresses'>,
  { copied, game }: { readonly copied: boolean; readonly game: GamePreset | null },
): void {
  for (const [n, service] of services.entries()) {
    const head = n === 0 ? t('In the game connect to') : '';
    const spoken = services.length === 1 && service.protocols === 'udp' ? '' : `  ${service.protocols}`;
    const said = copied && n === 0 ? `          ${t('(copied)')}` : '';
    terminal.say(`  ${head.padEnd(24)}  ${endpointKey(service.local)}${spoken}${said}`, 'whole');
  }
  const [first] = services;
  if (game !== null && first !== undefined)
    terminal.say(`  ${game.name.padEnd(24)}  ${inGame(game, first.local.address, first.local.port)}`, 'whole');
  for (const address of lanAddresses)
    terminal.say(
      `  ${t('In your network').padEnd(24)}  ${services.map(({ local }) => `${address}:${local.port}`).join(', ')}`,
    );
}

/** A game, of either side, says more at once than a path carries. */
export function sayTooLarge(
  terminal: Terminal,
  notice: { readonly kind: 'too-large'; readonly bytes: number; readonly payloadBytesMax: number },
): void {
  terminal.event('notice', notice);
  const { bytes, payloadBytesMax } = notice;
  terminal.fact(
    'warn',
    'Game',
    t('sends {bytes} bytes at once, {payloadBytesMax} fit: dropped', { bytes, payloadBytesMax }),
  );
}

export function sayLocalNotice(terminal: Terminal, notice: LocalServicesNotice): void {
  switch (notice.kind) {
    case 'too-large':
      sayTooLarge(terminal, notice);
      break;
    case 'seats-full':
      terminal.event('notice', notice);
      terminal.fact(
        'warn',
        'Game',
        t(
          'one more program sends to this port, but {seats} others use it already: it is not let through. End one of them.',
          {
            seats: notice.seats,
          },
        ),
      );
      break;
    case 'services':
      terminal.event('services', { services: serviceFields(notice.services) });
      terminal.fact('info', 'Services', t('the host has come back with other ports'));
      sayServices(terminal, { services: notice.services, lanAddresses: [] }, { copied: false, game: null });
  }
}
