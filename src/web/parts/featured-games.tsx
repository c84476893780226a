import { GAMES } from '../games.ts';
import { t } from '../messages/index.ts';

/** What people ask for most; the form has all. */
const FEATURED: ReadonlySet<string> = new Set(['minecraft', 'luanti', 'factorio', 'valheim', 'terraria', 'teeworlds']);

/** One press takes the game and its ports into the form. */
export function FeaturedGames(props: { readonly onTake: (id: string) => void }) {
  return (
    <ul class="plain chips games-line" aria-label={t('home.host.games')}>
      {GAMES.filter(({ id }) => FEATURED.has(id)).map(({ id, name }) => (
        <li key={id}>
          <button type="button" class="quiet small" onClick={() => props.onTake(id)}>
            {name}
          </button>
        </li>
      ))}
    </ul>
  );
}
