/** The sign of the program: a wall with a gate in it, and light behind. The same as `public/icon.svg`. */
export function Mark() {
  return (
    <svg class="mark" viewBox="0 0 32 32" aria-hidden="true">
      <path
        d="M3 7a2 2 0 0 1 2-2h2.5a1 1 0 0 1 1 1v3h4V6a1 1 0 0 1 1-1h5a1 1 0 0 1 1 1v3h4V6a1 1 0 0 1 1-1H27a2 2 0 0 1 2 2v18a3 3 0 0 1-3 3H6a3 3 0 0 1-3-3z"
        fill="#5a54c4"
      />
      <path d="M10 28V19.5a6 6 0 0 1 12 0V28z" fill="#ffbe4d" />
      <path
        d="m14 18.5 4 3-4 3"
        fill="none"
        stroke="#241800"
        stroke-width="2.2"
        stroke-linecap="round"
        stroke-linejoin="round"
      />
    </svg>
  );
}
