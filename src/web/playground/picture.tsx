import { t } from '../messages/index.ts';
import { GATES, Gates } from '../parts/gates.tsx';
import { type Flight, gateAt, positionAt } from './flight.ts';

/** More dots than these nobody tells apart. */
const DRAWN_MAX = 400;
/** The rows on which packets fly, in the height of the gates. */
const TOP_ROW = 84;
const ROW_SPAN = 48;
/** Spreads packets that follow each other over the rows. */
const ROW_STRIDE = 17;
/** Where the five places of a flight are in the picture. */
const STATIONS = [GATES.you, GATES.ownWall, GATES.width / 2, GATES.peerWall, GATES.host] as const;

function across(place: number): number {
  const left = Math.max(0, Math.floor(place));
  const from = STATIONS[left] ?? GATES.host;
  return from + ((STATIONS[left + 1] ?? from) - from) * (place - left);
}

/** The friend, two walls, the host, and every packet that is in the air at `now`. The lines below it say the same. */
export function PlayPicture(props: { readonly flights: readonly Flight[]; readonly now: number }) {
  const { flights, now } = props;
  const flying = flights.flatMap((flight) => {
    const place = positionAt(flight, now);
    return place === null ? [] : [{ flight, place }];
  });
  const own = gateAt(flights, 'client', now);
  const peer = gateAt(flights, 'host', now);
  return (
    <div class="flight playfield">
      <Gates label={t('connect.picture')} own={own} peer={peer} up={own === 'open' && peer === 'open'}>
        {flying.slice(0, DRAWN_MAX).map(({ flight, place }) => (
          <circle
            key={flight.id}
            cx={across(place)}
            cy={TOP_ROW + ((flight.id * ROW_STRIDE) % ROW_SPAN)}
            r="4"
            class={`packet ${flight.side} ${flight.ended}`}
          >
            <title>
              {flight.label}
              {flight.why === '' ? '' : ` (${flight.why})`}
            </title>
          </circle>
        ))}
      </Gates>
      <p class="ends">
        <span>{t('play.place.client')}</span>
        <span>{t('play.place.clientNat')}</span>
        <span>{t('play.place.hostNat')}</span>
        <span>{t('play.place.host')}</span>
      </p>
      <p class="legend hint">
        <span class="packet-key client">{t('play.key.client')}</span>
        <span class="packet-key host">{t('play.key.host')}</span>
        <span class="packet-key dropped">{t('play.key.dropped')}</span>
      </p>
    </div>
  );
}
