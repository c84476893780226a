/** German, under the English sentence as it stands where it is said (index.ts). `{name}` stays as it is, and may move. */
export const de = {
  'from another computer: which of its ports are shut?': 'von einem anderen Rechner: welche seiner Ports sind zu?',
  'on another computer, with --master: say which ports of that masterserver are shut from there, and end':
    'auf einem anderen Rechner, mit --master: sagen, welche Ports jenes Masterservers von dort aus zu sind, und enden',
  'which one --self-test looks at: the link that it has printed':
    'welchen --self-test ansieht: der Link, den er ausgegeben hat',
  '--self-test looks from another computer: run it there, with --master and the link that the masterserver prints.':
    '--self-test schaut von einem anderen Rechner: starte es dort, mit --master und dem Link, den der Masterserver ausgibt.',
  Testing: 'Prüfung',
  'the ports of the masterserver, from this computer': 'der Ports des Masterservers, von diesem Rechner aus',
  Door: 'Tür',
  Control: 'Steuerung',
  Probes: 'Proben',
  Sources: 'Absender',
  Result: 'Ergebnis',
  'nobody gets a session there': 'dort bekommt niemand eine Sitzung',
  'players whose keys lead there get no session': 'Spieler, deren Schlüssel dorthin führen, bekommen keine Sitzung',
  'players can not tell what their routers do': 'Spieler erfahren nicht, was ihre Router tun',
  'pairs without a direct path have nothing': 'Paare ohne direkten Weg haben nichts',
  '{address} UDP {ports} answers, {ms}': '{address} UDP {ports} antwortet, {ms}',
  '{address} UDP {ports} shut: {meaning}': '{address} UDP {ports} zu: {meaning}',
  'UDP {ports} of {address}': 'UDP {ports} von {address}',
  'the further UDP port': 'der weitere UDP-Port',
  'all of its ports answer from here': 'alle seine Ports antworten von hier aus',
  'Not at all of its ports: let {ports} pass its firewall, and forward them where it is behind a router.':
    'Nicht an allen seinen Ports: Lass {ports} durch seine Firewall, und leite sie weiter, wo er hinter einem Router steht.',
  'this computer is seen as {address}': 'dieser Rechner wird als {address} gesehen',
  'this computer reaches it within a network: what the Internet reaches is not tested':
    'dieser Rechner erreicht ihn innerhalb eines Netzes: was das Internet erreicht, ist nicht geprüft',
  'this computer is seen as {address}: what stands in front hides where players are, and they meet only by STUN servers or a relay (Docker: --network host)':
    'dieser Rechner wird als {address} gesehen: Was davor steht, verbirgt, wo Spieler sind, und sie treffen sich nur über STUN-Server oder ein Relay (Docker: --network host)',
  'show this invitation, in the app that runs if there is one':
    'diese Einladung zeigen, in der App, die läuft, wenn es eine gibt',
  'open sallyport:// links of this user with this program from now on, and end':
    'sallyport://-Links dieses Benutzers von jetzt an mit diesem Programm öffnen, und enden',
  'open them no more, and end': 'sie nicht mehr öffnen, und enden',
  '--downloads {at} is no address of the web.': '--downloads {at} ist keine Adresse des Webs.',
  "--downloads {at} can't be read: {why}.": '--downloads {at} ist nicht zu lesen: {why}.',
  '(Ctrl+C ends it)': '(Strg+C beendet)',
  '--fake-nat is a class of networks, like P3 or S6, not "{nat}".':
    '--fake-nat ist eine Klasse von Netzen, wie P3 oder S6, nicht „{nat}“.',
  'With --noray the game says its port itself: leave out {words}.':
    'Mit --noray nennt das Spiel seinen Port selbst: lass {words} weg.',
  'is waited for: it connects to noray at 127.0.0.1': 'wird erwartet: es verbindet sich mit noray auf 127.0.0.1',
  'This is a join of {code}.': 'Hier wird {code} beigetreten.',
  '--with-pid: there is no process {pid}.': '--with-pid: einen Prozess {pid} gibt es nicht.',
  '--token-file: {why}': '--token-file: {why}',
  Sidecar: 'Beiwagen',
  noray: 'noray',
  '127.0.0.1, TCP {tcp} and UDP {udp}': '127.0.0.1, TCP {tcp} und UDP {udp}',
  "speak noray's protocol to games on 127.0.0.1 as well (TCP 8890, UDP 8809)":
    'auch das Protokoll von noray mit Spielen auf 127.0.0.1 sprechen (TCP 8890, UDP 8809)',
  'another TCP port for that': 'ein anderer TCP-Port dafür',
  'and another UDP port': 'und ein anderer UDP-Port',
  'keep keys there: the same join code each time (default: no file is written)':
    'Schlüssel dort behalten: jedes Mal derselbe Code (sonst wird keine Datei geschrieben)',
  'no network: a masterserver and NATs in memory, which all sidecars with --fake of this computer share':
    'kein Netz: ein Masterserver und NATs im Speicher, die alle mit --fake auf diesem Rechner teilen',
  'the NAT that this one is behind (default P3; docs/simulation.md has the classes, P0 to S6, and X)':
    'das NAT, hinter dem dieses ist (sonst P3; docs/simulation.md hat die Klassen, P0 bis S6, und X)',
  'TCP port of 127.0.0.1 where those of one fake world meet (default 8439)':
    'TCP-Port von 127.0.0.1, an dem sich die einer Welt treffen (sonst 8439)',
  'of /v1 on 127.0.0.1 (default 0: any free one)': 'von /v1 auf 127.0.0.1 (sonst 0: irgendein freier)',
  'write url and token there; it is removed at the end': 'url und token dort hineinschreiben; am Ende wird es entfernt',
  'end when this process has ended: the game': 'enden, wenn dieser Prozess geendet hat: das Spiel',
  'name of this computer: the first stands in its links': 'Name dieses Rechners: der erste steht in den Links',
  'where visitors of the page get sallyport: files of a folder, or an address':
    'wo Besucher der Seite sallyport bekommen: Dateien eines Ordners, oder eine Adresse',
  'the interface for games: host and join over HTTP on 127.0.0.1':
    'die Schnittstelle für Spiele: hosten und beitreten über HTTP auf 127.0.0.1',
  'Plan for {pair}: {method}, {own} packets from here and {peer} from the host':
    'Plan für {pair}: {method}, {own} Pakete von hier und {peer} vom Host',
  'The host sends {tuples} probes from {sockets} sockets within {ms} ms':
    'Der Host schickt {tuples} Proben von {sockets} Sockets in {ms} ms',
  'This side sends {tuples} probes from {sockets} sockets within {ms} ms':
    'Diese Seite schickt {tuples} Proben von {sockets} Sockets in {ms} ms',
  'The salvos are over after {packets} packets: {result}': 'Die Salven sind nach {packets} Paketen vorbei: {result}',
  '--link: this is no invitation, or not all of one.': '--link: das ist keine Einladung, oder nicht die ganze.',
  'How links are opened on this system is not known here.': 'Wie dieses System Links öffnet, ist hier nicht bekannt.',
  'This system did not take it.': 'Das System hat es nicht angenommen.',
  'sallyport:// links of this user open this program': 'sallyport://-Links dieses Benutzers öffnen dieses Programm',
  'they open this program no more': 'sie öffnen dieses Programm nicht mehr',
  'is starting': 'startet',
  Simulating: 'Simulation',
  'one join in a simulated internet': 'eines Beitritts in einem simulierten Internet',
  '--link LINK is the end of the line.': '--link LINK ist das Ende der Zeile.',
  'No masterserver is given: use --master LINK, or set SALLYPORT_MASTER.':
    'Kein Masterserver ist angegeben: --master LINK, oder SALLYPORT_MASTER setzen.',
  'The password can not be had: {why}': 'Das Passwort ist nicht zu haben: {why}',
  'The password file {file} is empty.': 'Die Passwortdatei {file} ist leer.',
  State: 'Zustand',
  Master: 'Master',
  '{why} Trying again until it does.': '{why} Es wird weiter versucht, bis er es tut.',
  Network: 'Netz',
  '(sallyport check for details)': '(mehr sagt sallyport check)',
  Router: 'Router',
  '{names} answers': '{names} antwortet',
  'no UPnP / NAT-PMP / PCP answer: that is fine': 'keine Antwort von UPnP / NAT-PMP / PCP: das macht nichts',
  'a friend without a name': 'jemand ohne Namen',
  '{called}, key {key}, since {since} UTC': '{called}, Schlüssel {key}, seit {since} UTC',
  'everybody from the network of {called}, since {since} UTC': 'alle aus dem Netz von {called}, seit {since} UTC',
  'Report copied, addresses masked.': 'Bericht kopiert, Adressen verdeckt.',
  'This system has no clipboard tool.': 'Dieses System hat kein Werkzeug für die Zwischenablage.',
  'The verdict is "{verdict}".': 'Das Urteil lautet „{verdict}“.',
  Pair: 'Paar',
  'trying the way to the host, without a game': 'der Weg zum Host wird ohne Spiel versucht',
  Connected: 'Verbunden',
  Relay: 'Relay',
  STUN: 'STUN',
  '{way}: a game could play by now. Looking for a direct path.':
    '{way}: ein Spiel könnte schon laufen. Ein direkter Weg wird gesucht.',
  'no direct path in this time; a game plays through the relay':
    'kein direkter Weg in dieser Zeit; ein Spiel läuft über das Relay',
  Here: 'Hier',
  There: 'Dort',
  Plan: 'Plan',
  '{plan} with {packets} packets': '{plan} mit {packets} Paketen',
  Waiting: 'Warten',
  Attempt: 'Versuch',
  '{n} did not meet': '{n} traf sich nicht',
  'Hard pair': 'Schwer',
  VPN: 'VPN',
  Measuring: 'Messung',
  'this network': 'dieses Netzes',
  '"sallyport ctl" will not find this program: {why}': '„sallyport ctl“ wird dieses Programm nicht finden: {why}',
  '"{word}" is one word too many.': '„{word}“ ist ein Wort zu viel.',
  '{word} is missing.': '{word} fehlt.',
  '"{word}" is one word too many. Put a name with spaces in quotes.':
    '„{word}“ ist ein Wort zu viel. Ein Name mit Leerzeichen gehört in Anführungszeichen.',
  'Several are running: say which by --as {names}.': 'Mehrere laufen: mit --as sagen, welches: {names}.',
  'Did you mean {word}?': 'War {word} gemeint?',
  'There is no "ctl {what}": it is one of {all}.': '„ctl {what}“ gibt es nicht, nur {all}.',
  'No host runs with the state directory {folder}.': 'Mit dem Zustandsordner {folder} läuft kein Host.',
  'Nothing of sallyport runs with the state directory {folder}.':
    'Mit dem Zustandsordner {folder} läuft nichts von sallyport.',
  'Nothing that is called "{as}" runs with the state directory {folder}.':
    'Nichts mit dem Namen „{as}“ läuft mit dem Zustandsordner {folder}.',
  'Nobody is here.': 'Niemand ist da.',
  'Nobody is banned.': 'Niemand ist ausgesperrt.',
  ban: 'Sperre',
  Banned: 'Gesperrt',
  Kicked: 'Entfernt',
  '{name}, key {key}': '{name}, Schlüssel {key}',
  'Several of that name ask: say the beginning of the key ({keys}).':
    'Mehrere mit diesem Namen fragen: sag den Anfang des Schlüssels ({keys}).',
  'There is no ban of the number "{n}"; "sallyport ctl bans" lists them.':
    'Eine Sperre mit der Nummer „{n}“ gibt es nicht; „sallyport ctl bans“ zählt sie auf.',
  Lifted: 'Aufgehoben',
  'There is no friend called "{name}"; "sallyport ctl who" lists them.':
    'Niemand heißt „{name}“; „sallyport ctl who“ zählt alle auf.',
  'no answer from the game on {ports}': 'keine Antwort vom Spiel auf {ports}',
  'hosts {code} ({state}), friends: {inside}': 'hostet {code} ({state}), Freunde: {inside}',
  'nothing just now': 'gerade nichts',
  'waits for {host} to come back, local {local}': 'wartet, bis {host} zurückkommt, hier {local}',
  'is with {host}, local {local}': 'ist bei {host}, hier {local}',
  "The file {file} can't be read: {why}.": 'Die Datei {file} lässt sich nicht lesen: {why}.',
  'A password is no word of the command line, which others can see: --password asks for it, --password-file reads it.':
    'Ein Passwort gehört nicht in die Befehlszeile, die andere sehen können: --password fragt danach, --password-file liest es.',
  "Unknown option '{option}'.": "Unbekannte Option '{option}'.",
  "Option '{option}' takes no value.": "Die Option '{option}' nimmt keinen Wert.",
  "Option '{option}' lacks its value, or that begins with a dash.":
    "Der Option '{option}' fehlt der Wert, oder er beginnt mit einem Strich.",
  '{flag} is one of {choices}, not "{text}".': '{flag} ist eines von {choices}, nicht „{text}“.',
  '{flag} is 1 or 0, not "{text}".': '{flag} ist 1 oder 0, nicht „{text}“.',
  '{flag} is a number from {min} on, not "{text}".': '{flag} ist eine Zahl ab {min}, nicht „{text}“.',
  '{flag} is a number from {min} to {max}, not "{text}".': '{flag} ist eine Zahl von {min} bis {max}, nicht „{text}“.',
  'Nothing listens at {ports}.': 'Auf {ports} lauscht nichts.',
  Game: 'Spiel',
  'nothing listens on {ports} yet: waiting for your game server. (Wrong port?)':
    'auf {ports} lauscht noch nichts: es wird auf deinen Spielserver gewartet. (Falscher Port?)',
  'nothing listens on {ports}: friends get no answer until it does':
    'auf {ports} lauscht nichts: Freunde bekommen so lange keine Antwort',
  'also listens on tcp {port}, which friends do not reach: if the game needs it, host {port}/udp+tcp':
    'lauscht auch auf tcp {port}, was Freunde nicht erreichen: braucht das Spiel es, dann host {port}/udp+tcp',
  '{ports} is listening': '{ports} lauscht',
  '{ports} are listening': '{ports} lauschen',
  '{ports} is at another computer: whether a server listens there shows when a friend plays':
    '{ports} ist auf einem anderen Computer: ob dort ein Server lauscht, zeigt sich, wenn ein Freund spielt',
  'did you mean that?': 'war das gemeint?',
  'did you mean one of these?': 'war eines davon gemeint?',
  'sallyport: a direct, encrypted UDP path between two people behind any two NATs':
    'sallyport: ein direkter, verschlüsselter UDP-Weg zwischen zwei Leuten hinter beliebigen NATs',
  'Every flag can also be given as a variable: --master LINK is SALLYPORT_MASTER=LINK.':
    'Jede Option gibt es auch als Variable: --master LINK ist SALLYPORT_MASTER=LINK.',
  '[flags]': '[Optionen]',
  'new here, key {key}': 'neu hier, Schlüssel {key}',
  'known here as {name}, key {key}': 'hier bekannt als {name}, Schlüssel {key}',
  'Let {name} in? It is {known}. [y/n]': '{name} hereinlassen? Das ist: {known}. [y/n]',
  Ask: 'Frage',
  'the input has ended: nobody can be let in any more':
    'die Eingabe ist zu Ende: niemand kann mehr hereingelassen werden',
  'who · S words to compare · W ways · kick NAME · ban NAME · ban NAME network · bans · unban N · y or n, or y NAME or n NAME, for who asks · Ctrl+C ends':
    'who · S Wörter zum Vergleichen · W Wege · kick NAME · ban NAME · ban NAME network · bans · unban N · y oder n, oder y NAME oder n NAME, für Fragende · Strg+C beendet',
  'Nobody asks just now.': 'Gerade fragt niemand.',
  'The question has just changed, so that answer was not taken:':
    'Die Frage hat eben gewechselt, deshalb galt diese Antwort nicht:',
  'There is no friend of that name; "who" lists them.': 'Niemand heißt so; „who“ zählt alle auf.',
  'Banned, by its key. One that takes a new key can be banned with its network.':
    'Gesperrt, am Schlüssel. Wer sich einen neuen nimmt, lässt sich mit seinem Netz sperren.',
  'Banned, with everybody from its network: neighbours and housemates are out, too.':
    'Gesperrt, mit allen aus dem Netz: auch Nachbarn und Mitbewohner bleiben draußen.',
  'It has left, so its network is not known any more: banned by its key alone.':
    'Schon gegangen, das Netz ist nicht mehr bekannt: nur am Schlüssel gesperrt.',
  'unban N lifts one.': 'unban N hebt eine auf.',
  'There is no ban of that number; "bans" lists them.':
    'Eine Sperre mit dieser Nummer gibt es nicht; „bans“ zählt sie auf.',
  'Lifted: {ban}': 'Aufgehoben: {ban}',
  'Nobody of that name asks; "who" lists them.': 'Niemand mit diesem Namen fragt; „who“ zählt alle auf.',
  'Several of that name ask: give the beginning of the key instead.':
    'Mehrere mit diesem Namen fragen: gib stattdessen den Anfang des Schlüssels an.',
  'The same words on the screen of that friend, or somebody sits in between: compare them by voice.':
    'Bei diesem Freund stehen dieselben Wörter, oder jemand sitzt dazwischen: vergleicht sie mit der Stimme.',
  'Nobody is connected, so there are no words.': 'Niemand ist verbunden, deshalb gibt es keine Wörter.',
  'Stopping: the master and your friends are told.': 'Ende: Masterserver und Freunde erfahren es.',
  "this host's key is kept in {file}": 'der Schlüssel dieses Hosts liegt in {file}',
  'Join code': 'Code',
  '(stays the same next time)': '(bleibt beim nächsten Mal gleich)',
  Link: 'Link',
  '(copied to clipboard)': '(in die Zwischenablage kopiert)',
  "run: sallyport join {code}, with the same --master; or sallyport join 'the whole link'":
    "sallyport join {code}, mit demselben --master; oder sallyport join 'der ganze Link'",
  Friends: 'Freunde',
  Ports: 'Ports',
  'Relay: {mode}': 'Relay: {mode}',
  Listed: 'In der Liste',
  yes: 'ja',
  'no (add --public)': 'nein (mit --public)',
  Type: 'Tippen',
  'who, kick NAME, ban NAME or help; Ctrl+C ends. "sallyport ctl" does the same from elsewhere.':
    'who, kick NAME, ban NAME oder help; Strg+C beendet. „sallyport ctl“ kann dasselbe von anderswo.',
  '{name} answers again': '{name} antwortet wieder',
  '{name} is gone: friends stay connected, we keep calling it':
    '{name} ist weg: Freunde bleiben verbunden, es wird weiter gerufen',
  '{name} answers with another key than its link has: friends stay connected, new ones do not find you. Ask whoever runs it for the new link.':
    '{name} antwortet mit einem anderen Schlüssel, als im Link steht: Freunde bleiben verbunden, neue finden dich nicht. Wer ihn betreibt, hat den neuen Link.',
  Bans: 'Sperren',
  'could not be written down: they hold until this program ends':
    'ließen sich nicht aufschreiben: sie gelten, bis dieses Programm endet',
  'one wrong one so far; each makes whoever tries wait longer, not your friends':
    'bisher ein falsches; jedes lässt den, der es versucht, länger warten, nicht deine Freunde',
  '{count} wrong ones so far; each makes whoever tries wait longer, not your friends':
    'bisher {count} falsche; jedes lässt den, der es versucht, länger warten, nicht deine Freunde',
  Password: 'Passwort',
  Replaced: 'Ersetzt',
  'no more: friends reach this computer again': 'nicht mehr: Freunde erreichen wieder diesen Rechner',
  'is now {code}': 'ist jetzt {code}',
  'seen by the game as {address}': 'das Spiel sieht {address}',
  'sends {bytes} bytes at once, {payloadBytesMax} fit: dropped':
    'schickt {bytes} Bytes auf einmal, {payloadBytesMax} passen: verworfen',
  'a further program behind a friend has no seat: all are taken by others who play':
    'ein weiteres Programm bei einem Freund hat keinen Platz: alle sind von anderen Spielenden belegt',
  'a friend has no way to the game: this computer allows the program no further sockets (ulimit -n). Others play on.':
    'ein Freund hat keinen Weg zum Spiel: dieser Rechner erlaubt dem Programm keine weiteren Sockets (ulimit -n). Andere spielen weiter.',
  'this system has no loopback addresses for them: it sees friends as ports of 127.0.0.1, not as addresses of their own. Ban here, not in the game.':
    'dieses System hat keine Loopback-Adressen für sie: es sieht Freunde als Ports von 127.0.0.1, nicht als eigene Adressen. Sperre hier, nicht im Spiel.',
  '{target} is not at 127.x.y.z: it sees friends as ports of this computer, not as addresses of their own. Ban here, not in the game.':
    '{target} liegt nicht auf 127.x.y.z: dort sind Freunde Ports dieses Rechners, keine eigenen Adressen. Sperre hier, nicht im Spiel.',
  Upload: 'Upload',
  'nothing listens on udp {port}: friends are told so': 'auf udp {port} lauscht nichts: Freunde erfahren es',
  'has stopped answering friends on udp {port}: they are told so. Does it hang?':
    'antwortet Freunden auf udp {port} nicht mehr: sie erfahren es. Hängt es?',
  'answers on udp {port}': 'antwortet auf udp {port}',
  'is not asked for its players: that needs npm install gamedig':
    'wird nicht nach seinen Spielern gefragt: dafür braucht es npm install gamedig',
  'PORT is missing: write the one of your game server, like 30000, or --game with a game of docs/games.md.':
    'PORT fehlt: den deines Spielservers, wie 30000, oder --game mit einem Spiel aus docs/games.md.',
  'Password that friends need: ': 'Passwort, das Freunde brauchen: ',
  'No password was typed.': 'Es wurde kein Passwort eingegeben.',
  'Once more: ': 'Noch einmal: ',
  'These were two different passwords.': 'Das waren zwei verschiedene Passwörter.',
  'There are no words before the host has let you in.': 'Wörter gibt es erst, wenn der Host dich hereingelassen hat.',
  Words: 'Wörter',
  '(the same on both screens, or somebody sits in between: compare them by voice)':
    '(auf beiden Bildschirmen dieselben, oder jemand sitzt dazwischen: vergleicht sie mit der Stimme)',
  'Your name: {typing}': 'Dein Name: {typing}',
  'Log copied, addresses masked.': 'Protokoll kopiert, Adressen verdeckt.',
  'This system has no clipboard tool; A shows the log.':
    'Dieses System hat kein Werkzeug für die Zwischenablage; A zeigt das Protokoll.',
  '{method}, {percent} % expected': '{method}, {percent} % erwartet',
  'Chance within the next minute: under 1 %.': 'Aussicht in der nächsten Minute: unter 1 %.',
  'Chance within the next minute: {percent} %.': 'Aussicht in der nächsten Minute: {percent} %.',
  '{time}, attempt {attempts}, {packetsSent} packets': '{time}, Versuch {attempts}, {packetsSent} Pakete',
  'Found "{name}", {game}': '„{name}“ gefunden, {game}',
  'no game named': 'kein Spiel genannt',
  'Your network is {own}, that of the host {peer}': 'Dein Netz ist {own}, das des Hosts {peer}',
  'Attempt {n} begins: {method}, {percent} % expected': 'Versuch {n} beginnt: {method}, {percent} % erwartet',
  'Attempt {n} is over after {packets} packets: {result}': 'Versuch {n} ist nach {packets} Paketen vorbei: {result}',
  'The way is {kind}, to {address}': 'Der Weg ist {kind}, zu {address}',
  'The game of the host: {state}': 'Das Spiel des Hosts: {state}',
  '{what} goes from {from} to {to}': '{what} geht von {from} zu {to}',
  'No official server of this master has the address {address}.':
    'Kein offizieller Server dieses Masters hat die Adresse {address}.',
  Official: 'Offiziell',
  '"{name}" is public: no path has to be made': '„{name}“ ist öffentlich: kein Weg muss gesucht werden',
  'In the game connect to': 'Im Spiel verbinden mit',
  '(copied)': '(kopiert)',
  'Password of the host: ': 'Passwort des Hosts: ',
  'Not that one. Password: ': 'Das war es nicht. Passwort: ',
  encrypted: 'verschlüsselt',
  'Keep this window open while you play. Ctrl+C leaves.': 'Lass dieses Fenster beim Spielen offen. Strg+C geht.',
  'Leaving: the host is told.': 'Du gehst: der Host erfährt es.',
  Path: 'Weg',
  Host: 'Host',
  '{server} has no address: others are asked instead': '{server} hat keine Adresse: andere werden stattdessen gefragt',
  '{server} does not answer: others were asked instead': '{server} antwortet nicht: andere wurden stattdessen gefragt',
  'little or nothing comes from the host: it may have gone': 'vom Host kommt wenig oder nichts: vielleicht ist er weg',
  'the host answers again': 'der Host antwortet wieder',
  'lost: finding it again, the game may stay open': 'verloren: er wird neu gesucht, das Spiel darf offen bleiben',
  'again, {way}': 'wieder, {way}',
  'The host has removed you.': 'Der Host hat dich entfernt.',
  'The host has ended the game.': 'Der Host hat das Spiel beendet.',
  Asked: 'Gefragt',
  '{inside}/{playersMax} players': '{inside}/{playersMax} Spieler',
  'the host': 'der Host',
  Found: 'Gefunden',
  'attempt {n}': 'Versuch {n}',
  Connecting: 'Verbinden',
  'Still trying: attempt {n}, {time}.': 'Noch immer: Versuch {n}, {time}.',
  'Your side: {own}. Host: {peer}.': 'Deine Seite: {own}. Host: {peer}.',
  'L log of this attempt   A of all   T copy this attempt   C copy all, addresses masked   Q stop':
    'L Protokoll dieses Versuchs   A aller   T diesen kopieren   C alle kopieren, Adressen verdeckt   Q Ende',
  Looking: 'Suche',
  'for {code}': 'nach {code}',
  'No lab on this machine: {why}. "sallyport sim" shows the same without.':
    'Kein Labor auf diesem Rechner: {why}. „sallyport sim“ zeigt dasselbe ohne.',
  Links: 'Leitungen',
  'without delay: {why}': 'ohne Verzögerung: {why}',
  '{game} answers through the path: {status}': '{game} antwortet über den Weg: {status}',
  'The lab has no class "{text}"; it has {all}.': 'Das Labor hat keine Klasse „{text}“, nur {all}.',
  Asking: 'Anfrage',
  'No public servers here now.': 'Hier sind gerade keine öffentlichen Server.',
  '(password)': '(Passwort)',
  'not tested': 'nicht geprüft',
  'tested {age} ago': 'geprüft vor {age}',
  '{number} is taken at 127.0.0.1: the game finds this host at {address}':
    '{number} ist auf 127.0.0.1 belegt: das Spiel findet diesen Host auf {address}',
  'one of the ports is taken at 127.0.0.1: the game finds this host at {address}':
    'einer der Ports ist auf 127.0.0.1 belegt: das Spiel findet diesen Host auf {address}',
  'Local port': 'Port hier',
  '{number} is taken (LOCAL_PORT_BUSY): {number} is {port} here':
    '{number} ist belegt (LOCAL_PORT_BUSY): {number} ist hier {port}',
  'one of the ports is taken (LOCAL_PORT_BUSY): {number} is {port} here, and the others move with it':
    'einer der Ports ist belegt (LOCAL_PORT_BUSY): {number} ist hier {port}, und die anderen rücken mit',
  'In your network': 'In deinem Netz',
  'one more program sends to this port, but {seats} others use it already: it is not let through. End one of them.':
    'noch ein Programm schickt an diesen Port, aber {seats} andere nutzen ihn schon: es kommt nicht durch. Beende eines davon.',
  Services: 'Dienste',
  'the host has come back with other ports': 'der Host ist mit anderen Ports zurück',
  '{own} of the link is not asked, but the one of --master':
    '{own} aus dem Link wird nicht gefragt, sondern der von --master',
  'The page {page} does not tell of it.': 'Die Seite {page} nennt ihn nicht.',
  Reloaded: 'Neu gelesen',
  'the folder of the official servers': 'der Ordner der offiziellen Server',
  'Stopping: hosts and players are told to come back later; joins under way are finished.':
    'Ende: Hosts und Spieler sollen später wiederkommen; begonnene Verbindungen werden fertig.',
  UDP: 'UDP',
  '{ports}, on {addresses}': '{ports}, auf {addresses}',
  ' and ': ' und ',
  Page: 'Seite',
  Ready: 'Bereit',
  Hosts: 'Hosts',
  'Test it': 'Versuchen',
  '{first} to {last}': '{first} bis {last}',
  'port {port}': 'Port {port}',
  '{n} ports, {ports}': '{n} Ports, {ports}',
  Identity: 'Schlüssel',
  '(new: keep a copy, the link holds this key)': '(neu: heb eine Kopie auf, der Link hat diesen Schlüssel)',
  Admin: 'Verwaltung',
  'one-time code in {file}': 'einmaliger Code in {file}',
  'no code could be left in {file}: {detail}. Mend it and start again.':
    'in {file} ließ sich kein Code ablegen: {detail}. Behebe das und starte neu.',
  Lock: 'Sperrdatei',
  '{detail}. Make sure that no second master uses this folder.':
    '{detail}. Sorge dafür, dass kein zweiter Master diesen Ordner nutzt.',
  Addresses: 'Adressen',
  'one, with one port: players can not tell what their routers do (a second --listen, or their --stun, can)':
    'eine, mit einem Port: Spieler erfahren nicht, was ihre Router tun (ein zweites --listen kann es, oder ihr --stun)',
  'one: how routers filter is inferred, not measured (a second --listen measures it)':
    'eine: wie Router filtern, wird geschlossen, nicht gemessen (ein zweites --listen misst es)',
  '{address} is private: only this network reaches it (--advertise, --listen)':
    '{address} ist privat: nur dieses Netz erreicht sie (--advertise, --listen)',
  Store: 'Speicher',
  Metrics: 'Messwerte',
  Fault: 'Fehler',
  'it is no JSON ({why})': 'sie ist kein JSON ({why})',
  '{hidden} is in a home or a temporary folder, which a service does not see: move it, to /opt or /usr.':
    '{hidden} liegt in einem Home- oder temporären Ordner, den ein Dienst nicht sieht: verschiebe es nach /opt oder /usr.',
  '{why} Run it as root.': '{why} Nur root darf das.',
  Service: 'Dienst',
  'It holds the secret key of the masterserver: keep it where only you can read it.':
    'Darin ist der geheime Schlüssel des Masterservers: verwahre es so, dass nur du es lesen kannst.',
  Kept: 'Behalten',
  'the old token is void; the next start of the master leaves a new one in admin.once':
    'das alte Token gilt nicht mehr; der nächste Start des Masters legt ein neues in admin.once',
  'the newest of {time}': 'das neueste von {time}',
  empty: 'leer',
  Starting: 'Start',
  'a masterserver': 'eines Masterservers',
  'Hosts see you without a name. N gives one, for this and all other hosts (or --name).':
    'Hosts sehen dich ohne Namen. N gibt einen, für diesen und alle anderen Hosts (oder --name).',
  'Hosts see you as {name}. N gives another name, for this and all other hosts (or --name).':
    'Hosts sehen dich als {name}. N gibt einen anderen Namen, für diesen und alle anderen Hosts (oder --name).',
  'none: hosts see you without one': 'keiner: Hosts sehen dich ohne Namen',
  '{name}: hosts see it from the next join on': '{name}: so sehen dich Hosts vom nächsten Mal an',
  Name: 'Name',
  'could not be written down': 'ließ sich nicht aufschreiben',
  'step {step}': 'Schritt {step}',
  'near the local port': 'nahe dem eigenen Port',
  'moving with time': 'wandert mit der Zeit',
  'rule not known': 'Regel nicht bekannt',
  random: 'zufällig',
  'random within {low} to {high}': 'zufällig zwischen {low} und {high}',
  Masterserver: 'Masterserver',
  Verdict: 'Urteil',
  Mapping: 'Zuordnung',
  'Next port': 'Nächster',
  Filtering: 'Filter',
  Hairpin: 'Hairpin',
  no: 'nein',
  Routers: 'Router',
  'Port map': 'Freigabe',
  Limits: 'Grenzen',
  'none known': 'keine bekannt',
  '{quota} ports for this network': '{quota} Ports für dieses Netz',
  Bursts: 'Schübe',
  Sure: 'Sicher',
  'To do': 'Zu tun',
  'the system keeps about {datagrams} large datagrams until they are read; more at once are lost':
    'das System hält etwa {datagrams} große Datagramme, bis sie gelesen sind; mehr auf einmal gehen verloren',
  '{way} no answer': '{way} antwortet nicht',
  '{way} works, {ms} ms': '{way} geht, {ms} ms',
  'the master link names no other way': 'der Master-Link nennt keinen anderen Weg',
  Ways: 'Wege',
  'no answer': 'keine Antwort',
  Probe: 'Probe',
  '{destination} from port {localPort}': '{destination} von Port {localPort}',
  'Strict: no UDP answer comes back, so no direct connection is possible from here.':
    'Streng: keine UDP-Antwort kommt zurück, also ist von hier kein direkter Weg möglich.',
  '(measured {age} ago; the masterserver does not answer now)':
    '(vor {age} gemessen; der Masterserver antwortet gerade nicht)',
  'newest {age} old': 'die neueste {age} alt',
  Silent: 'Stumm',
  Untested: 'Ungeprüft',
  "{where}: the masterserver's probe ports do not answer, its operator may have left them shut; others were asked instead":
    '{where}: die Probe-Ports des Masterservers antworten nicht, vielleicht hat sein Betreiber sie zu gelassen; andere wurden gefragt',
  '{where}: no answer from there; others were asked instead': '{where}: von dort keine Antwort; andere wurden gefragt',
  'Not known: something in front of the masterserver hides where packets come from, so it cannot tell how you look from outside.':
    'Nicht bekannt: etwas vor dem Masterserver verbirgt, woher Pakete kommen; er kann nicht sagen, wie du von außen aussiehst.',
  'Not known: the masterserver stands in your own network, and nobody outside was asked.':
    'Nicht bekannt: der Masterserver steht in deinem eigenen Netz, und draußen wurde niemand gefragt.',
  'Tell the operator of the masterserver: 16 UDP ports, from its own plus 9 on, have to pass its firewall. Or give --stun host:port.':
    'Sag es dem Betreiber des Masterservers: 16 UDP-Ports, von seinem eigenen plus 9 an, müssen durch seine Firewall. Oder gib --stun host:port an.',
  'Give a STUN server with --stun host:port: it tells what the masterserver can not see, and friends reach you all the same.':
    'Gib mit --stun host:port einen STUN-Server an: er sagt, was der Masterserver nicht sehen kann, und Freunde erreichen dich trotzdem.',
  'Tell the operator: in Docker, --network host or "userland-proxy": false lets the masterserver see true addresses.':
    'Sag dem Betreiber: in Docker lässt --network host oder "userland-proxy": false den Masterserver wahre Adressen sehen.',
  'Give a STUN server with --stun host:port, or ask a masterserver elsewhere: then your network is measured.':
    'Gib mit --stun host:port einen STUN-Server an, oder frag einen Masterserver anderswo: dann wird dein Netz gemessen.',
  'filtering (takes a second port or address to ask)':
    'Filter (braucht einen zweiten Port oder eine zweite Adresse zum Fragen)',
  'hairpin (not yet)': 'Hairpin (noch nicht)',
  'hairpin (shows only where one port serves all destinations)':
    'Hairpin (zeigt sich nur, wo ein Port allen Zielen dient)',
  'distance (not yet)': 'Entfernung (noch nicht)',
  'distance (shows only where one port serves all destinations)':
    'Entfernung (zeigt sich nur, wo ein Port allen Zielen dient)',
  'life of a mapping (takes 3 min, while hosting)': 'Leben einer Zuordnung (dauert 3 min, beim Hosten)',
  'most mappings at once (at its end nobody here could open anything)':
    'größte Zahl von Zuordnungen (an ihrem Ende könnte hier niemand mehr etwas öffnen)',
  'port mapping (no router found)': 'Portfreigabe (kein Router gefunden)',
  'the opened port (nobody who was asked has sent to it from outside)':
    'der geöffnete Port (niemand, der gefragt wurde, hat von außen an ihn gesendet)',
  'IPv6 (nobody asked has it)': 'IPv6 (niemand der Gefragten hat es)',
  'The router says that it has opened a port. Whether it has, a masterserver on the Internet can tell, or a STUN server that knows RESPONSE-PORT (--stun host:port).':
    'Der Router sagt, er habe einen Port geöffnet. Ob das stimmt, kann ein Masterserver im Internet sagen oder ein STUN-Server, der RESPONSE-PORT kennt (--stun host:port).',
  'The router answers, but has no port open for this computer: allow it there, or forward one UDP port to this computer.':
    'Der Router antwortet, hat diesem Computer aber keinen Port geöffnet: erlaube es dort, oder leite einen UDP-Port an diesen Computer weiter.',
  'The router says that it has opened a port, but nothing comes in there: another router stands before it, or it errs. Restart it, or ask the provider for a public IPv4 address.':
    'Der Router sagt, er habe einen Port geöffnet, aber dort kommt nichts an: vor ihm steht ein weiterer, oder er irrt. Starte ihn neu, oder bitte den Anbieter um eine öffentliche IPv4-Adresse.',
  'This looks like an address that the provider shares out: UPnP helps only where your own router has a public one. Ask the provider for a public IPv4 address.':
    'Das sieht nach einer Adresse aus, die der Anbieter mehreren gibt: UPnP hilft nur, wo dein Router selbst eine öffentliche hat. Bitte den Anbieter um eine öffentliche IPv4-Adresse.',
  'Turning UPnP on in the router, or forwarding one UDP port, would make this Open, if the router itself has a public address.':
    'UPnP im Router anzuschalten oder einen UDP-Port weiterzuleiten würde es offen machen, wenn der Router selbst eine öffentliche Adresse hat.',
  blocked: 'blockiert',
  works: 'geht',
  'IPv4 address not known': 'IPv4-Adresse nicht bekannt',
  '({n} addresses in turn)': '({n} Adressen im Wechsel)',
  none: 'keine',
  'no port delta': 'kein Portabstand',
  'port delta {delta}': 'Portabstand {delta}',
  'one port for all ports of the one address asked, others cannot be told':
    'ein Port für alle Ports der einen gefragten Adresse, über andere lässt sich nichts sagen',
  'one port for all destinations': 'ein Port für alle Ziele',
  'new port for each destination address': 'neuer Port für jede Zieladresse',
  'new port for each destination address and port': 'neuer Port für jede Zieladresse und jeden Zielport',
  'cannot be told: one port of one address was asked': 'lässt sich nicht sagen: ein Port einer Adresse wurde gefragt',
  'not known': 'nicht bekannt',
  'even stays even': 'gerade bleibt gerade',
  'same as the local port': 'wie der eigene Port',
  'local port {step}': 'eigener Port {step}',
  '{step} each, {others} others a second': 'je {step}, {others} andere in der Sekunde',
  '{step} ports further each second': '{step} Ports weiter in jeder Sekunde',
  'at random in {range}': 'zufällig in {range}',
  'at random in a block of {size} ({range})': 'zufällig in einem Block von {size} ({range})',
  'at random': 'zufällig',
  'rule not known yet': 'Regel noch nicht bekannt',
  'lifetime not tested': 'Lebensdauer nicht geprüft',
  'kept {seconds} s idle': 'ohne Verkehr {seconds} s gehalten',
  'last not known': 'letzter nicht bekannt',
  'last {port}': 'letzter {port}',
  'next cannot be told': 'nächster lässt sich nicht sagen',
  'next likely {port}': 'nächster wohl {port}',
  'next is the local port': 'der nächste ist der eigene Port',
  'an early packet from outside spoils the port (worked around)':
    'ein frühes Paket von außen verdirbt den Port (wird umgangen)',
  'layers not known': 'Schichten nicht bekannt',
  'none in the way': 'keiner im Weg',
  'one layer of translation': 'eine Schicht von Übersetzung',
  "{layers} layers: you are behind another router or your provider's shared address":
    '{layers} Schichten: du bist hinter einem weiteren Router oder der gemeinsamen Adresse deines Anbieters',
  'distance not tested': 'Abstand nicht geprüft',
  'outermost at hop {hop}': 'äußerster bei Sprung {hop}',
  'no answer within {seconds} s': 'keine Antwort in {seconds} s',
  off: 'aus',
  'port {port} proven open': 'Port {port} nachweislich offen',
  'master {ms} ms': 'Master {ms} ms',
  '({samples} samples, one address asked)': '({samples} Proben, eine Adresse gefragt)',
  '({samples} samples, {addressesAsked} addresses asked)': '({samples} Proben, {addressesAsked} Adressen gefragt)',
  'Allow outgoing UDP in the firewall of this computer or network, or try another network (a phone hotspot).':
    'Erlaube ausgehendes UDP in der Firewall dieses Rechners oder Netzes, oder nimm ein anderes Netz (den Hotspot eines Telefons).',
  'Check the --master link, or give a STUN server with --stun host:port: where neither answers, it is this network.':
    'Prüfe den Link von --master, oder nenne einen STUN-Server mit --stun host:port: antwortet keiner, liegt es an diesem Netz.',
  'The masterserver is on this computer: ask one elsewhere (--master, --stun host:port) to learn of your router.':
    'Der Masterserver ist auf diesem Rechner: frag einen anderswo (--master, --stun host:port), um etwas über deinen Router zu erfahren.',
  'A second router is in the way: bridge one of the two, or ask the provider for a public IPv4 address.':
    'Ein zweiter Router ist im Weg: stell einen der beiden auf Bridge, oder bitte den Anbieter um eine öffentliche IPv4-Adresse.',
  'Turning UPnP on in the router, or forwarding one UDP port, would make this Open.':
    'UPnP im Router anzuschalten oder einen UDP-Port weiterzuleiten würde es offen machen.',
  'IPv6 on both sides would connect without any of this.': 'IPv6 auf beiden Seiten würde ohne all das verbinden.',
  'Add --stun host:port (or a second address at the masterserver) to make sure of the mapping.':
    'Nimm --stun host:port dazu (oder eine zweite Adresse am Masterserver), um der Zuordnung sicher zu sein.',
  'There is no command "{name}".': 'Einen Befehl „{name}“ gibt es nicht.',
  'This needs a package that is not installed: npm install {name}': 'Dafür fehlt ein Paket: npm install {name}',
  Client: 'Client',
  '1 attempt, {client} + {host} packets': '1 Versuch, {client} + {host} Pakete',
  '{attempts} attempts, {client} + {host} packets': '{attempts} Versuche, {client} + {host} Pakete',
  '{time} of virtual time': '{time} virtuelle Zeit',
  'Attempt {n}: {plan}, {packets} packets': 'Versuch {n}: {plan}, {packets} Pakete',
  'Attempt {n} did not meet: {next}': 'Versuch {n} traf sich nicht: {next}',
  'Still trying.': 'Es wird weiter versucht.',
  'There is no class "{name}"; there are {all}.': 'Eine Klasse „{name}“ gibt es nicht, nur {all}.',
  'A line is @home or @mobile, not "@{access}".': 'Eine Leitung ist @home oder @mobile, nicht „@{access}“.',
  App: 'App',
  '(open it in a browser; Ctrl+C ends it)': '(im Browser öffnen; Strg+C beendet)',
  'it is a list of entries, like [{"url": "https://…"}]':
    'sie ist eine Liste von Einträgen, wie [{"url": "https://…"}]',
  'entry {n} is no {"url": "https://…"} with fields of its own':
    'Eintrag {n} ist kein {"url": "https://…"} mit eigenen Feldern',
  'entry {n}, {field}: {why}': 'Eintrag {n}, {field}: {why}',
  'entry {n}: "{field}" takes {what}': 'Eintrag {n}: „{field}“ nimmt {what}',
  'new here': 'neu hier',
  'See "sallyport help {command}".': 'Siehe „sallyport help {command}“.',
  'No port is given: write the one of your game server, like 30000.':
    'Kein Port ist angegeben: den deines Spielservers, wie 30000.',
  'One host has at most {most} ports: host the others under another name.':
    'Ein Host hat höchstens {most} Ports: hoste die anderen unter einem anderen Namen.',
  '"{part}" is no port: write 30000, 64738/udp+tcp, 2456-2457 or 192.168.1.50:30000.':
    '„{part}“ ist kein Port: schreib 30000, 64738/udp+tcp, 2456-2457 oder 192.168.1.50:30000.',
  '"{part}" names no port: ports are numbers from 1 to 65535.':
    '„{part}“ nennt keinen Port: Ports sind Zahlen von 1 bis 65535.',
  '"{part}" ends before it begins: write the lower port first, like 2456-2457.':
    '„{part}“ endet, bevor es beginnt: der kleinere Port steht vorn, wie 2456-2457.',
  '"{part}" names no protocol that is carried: write /udp, /tcp or /udp+tcp behind the port.':
    '„{part}“ nennt kein Protokoll, das durchgeht: /udp, /tcp oder /udp+tcp hinter dem Port.',
  '"{part}" names no address: write an IP address before the port, like 192.168.1.50:30000 or [::1]:30000.':
    '„{part}“ nennt keine Adresse: eine IP-Adresse gehört vor den Port, wie 192.168.1.50:30000 oder [::1]:30000.',
  'Port {port} is given twice, which friends could not tell apart: write each port once.':
    'Port {port} steht zweimal da, Freunde könnten sie nicht unterscheiden: jeder Port nur einmal.',
  'The host is asked about one other before you.': 'Der Host wird vor dir nach jemand anderem gefragt.',
  'The host is asked about {n} others before you.': 'Der Host wird vor dir nach {n} anderen gefragt.',
  'No answer from the host yet: maybe it has gone. Trying on.':
    'Noch keine Antwort vom Host: vielleicht ist er weg. Es wird weiter versucht.',
  'The masterserver does not answer just now. Trying on.':
    'Der Masterserver antwortet gerade nicht. Es wird weiter versucht.',
  'The host connects one other first.': 'Der Host verbindet zuerst jemand anderen.',
  'The host connects {n} others first.': 'Der Host verbindet zuerst {n} andere.',
  'The host lets its ports rest for another {seconds} s.': 'Der Host lässt seine Ports noch {seconds} s ruhen.',
  '{method}: answers that the last attempt needed did not come in time':
    '{method}: Antworten, die der letzte Versuch brauchte, kamen nicht rechtzeitig',
  "{method} again, now taking your network for {own} and the host's network for {peer}":
    '{method} noch einmal; dein Netz gilt jetzt als: {own}, das des Hosts als: {peer}',
  "{method}: {last} did not meet, now taking your network for {own} and the host's network for {peer}":
    '{method}: {last} traf sich nicht; dein Netz gilt jetzt als: {own}, das des Hosts als: {peer}',
  '{method} again, now taking your network for {own}': '{method} noch einmal; dein Netz gilt jetzt als: {own}',
  '{method}: {last} did not meet, now taking your network for {own}':
    '{method}: {last} traf sich nicht; dein Netz gilt jetzt als: {own}',
  "{method} again, now taking the host's network for {peer}":
    '{method} noch einmal; das Netz des Hosts gilt jetzt als: {peer}',
  "{method}: {last} did not meet, now taking the host's network for {peer}":
    '{method}: {last} traf sich nicht; das Netz des Hosts gilt jetzt als: {peer}',
  '{method} again from new source ports and with another TTL':
    '{method} noch einmal von neuen Ports und mit anderer TTL',
  '{method}: {last} did not meet': '{method}: {last} traf sich nicht',
  'one open port for all destinations': 'ein offener Port für alle Ziele',
  'new ports that move with time, {perSecond} a second':
    'neue Ports, die mit der Zeit wandern, {perSecond} in der Sekunde',
  'new ports in steps of {step}, {perSecond} a second for others':
    'neue Ports in Schritten von {step}, {perSecond} in der Sekunde für andere',
  'random ports from {low} to {high} on {addresses} addresses':
    'zufällige Ports von {low} bis {high} auf {addresses} Adressen',
  'random ports from {low} to {high}': 'zufällige Ports von {low} bis {high}',
  'no UDP': 'kein UDP',
  'What helps, best first: {helps}. Attempts go on meanwhile.':
    'Was hilft, das Beste zuerst: {helps}. Inzwischen wird weiter versucht.',
  'ask either provider for a public IPv4 address': 'einen der Anbieter um eine öffentliche IPv4-Adresse bitten',
  'relayed via {via}, {ms} ms': 'über das Relay {via}, {ms} ms',
  'Not direct, because one of you comes through a relay only.':
    'Nicht direkt, weil einer von euch nur über ein Relay kommt.',
  'Not direct, because one of your networks has IPv6 alone and the other IPv4 alone.':
    'Nicht direkt, weil eines eurer Netze nur IPv6 hat und das andere nur IPv4.',
  'A VPN here has the way to the host alone: turn it off, or let it have all ways. Attempts go on meanwhile.':
    'Hier hat ein VPN allein den Weg zum Host: schalte es aus, oder lass alles durch es gehen. Die Versuche gehen inzwischen weiter.',
  'Not direct, because a VPN here has the way to the host alone: turn it off, or let it have all ways.':
    'Nicht direkt, weil hier ein VPN allein den Weg zum Host hat: schalte es aus, oder lass alles durch es gehen.',
  'Not direct, perhaps because of the VPN on your side.': 'Nicht direkt, vielleicht wegen des VPNs auf deiner Seite.',
  "Not direct, perhaps because of the VPN on the host's side.":
    'Nicht direkt, vielleicht wegen des VPNs auf der Seite des Hosts.',
  'Not direct, perhaps because of the VPNs on either side.':
    'Nicht direkt, vielleicht wegen der VPNs auf beiden Seiten.',
  'turn the VPN on your side off, it may be what keeps you apart':
    'das VPN auf deiner Seite ausschalten, das euch trennen mag',
  "turn the VPN on the host's side off, it may be what keeps you apart":
    'das VPN auf der Seite des Hosts ausschalten, das euch trennen mag',
  'turn the VPN on either side off, one may be what keeps you apart':
    'auf einer der Seiten das VPN ausschalten, das euch trennen mag',
  'turn the VPNs on both sides off, they may be what keeps you apart':
    'auf beiden Seiten das VPN ausschalten, die euch trennen mögen',
  '(measured through the VPN that is on here)': '(gemessen durch das VPN, das hier an ist)',
  'The VPN that is on here lets no UDP through, or this network does not: turn it off and test again.':
    'Das VPN, das hier an ist, lässt kein UDP durch, oder dieses Netz tut es nicht: schalte es aus und prüfe noch einmal.',
  'A VPN is on here, and what others meet is its network, not your router: turn it off and test again.':
    'Hier ist ein VPN an, und was andere treffen, ist sein Netz, nicht dein Router: schalte es aus und prüfe noch einmal.',
  'Not direct, though both networks are easy ones: something between you keeps you apart.':
    'Nicht direkt, obwohl beide Netze einfach sind: etwas zwischen euch trennt euch.',
  'look for a firewall or a VPN between you, or something in front of the masterserver that hides addresses':
    'nach einer Firewall oder einem VPN zwischen euch suchen, oder nach etwas vor dem Masterserver, das Adressen verbirgt',
  Apart: 'Getrennt',
  'Not direct, because these two networks are a hard pair.':
    'Nicht direkt, weil diese beiden Netze ein schweres Paar sind.',
  'A direct path is being looked for meanwhile; the game does not notice when it takes over.':
    'Inzwischen wird ein direkter Weg gesucht; das Spiel merkt nicht, wenn er übernimmt.',
  Open: 'Offen',
  Moderate: 'Mittel',
  Strict: 'Streng',
  'reachable by anybody': 'für alle erreichbar',
  'one port for all destinations, the local one kept': 'ein Port für alle Ziele, der eigene bleibt',
  'a new port per destination address': 'ein neuer Port je Zieladresse',
  'a new port per destination address and port': 'ein neuer Port je Zieladresse und Zielport',
  'UDP does not get out': 'UDP kommt nicht hinaus',
  'not known yet': 'noch nicht bekannt',
  'For large bursts (maps, worlds) let sockets keep more: sysctl -w net.core.rmem_max=4194304 (Linux, as root).':
    'Für große Schübe (Karten, Welten) lass Sockets mehr behalten: sysctl -w net.core.rmem_max=4194304 (Linux, als root).',
  'Not known: the masterserver answers, but none of its probe ports does. Its operator may have left them shut in a firewall.':
    'Nicht bekannt: der Masterserver antwortet, aber keiner seiner Probe-Ports. Vielleicht hat sein Betreiber sie in einer Firewall zu gelassen.',
  'Not known: nobody answers. The masterserver may be down, this computer offline, or this network may block UDP.':
    'Nicht bekannt: niemand antwortet. Vielleicht ist der Masterserver aus, dieser Rechner offline, oder dieses Netz sperrt UDP.',
  'Open for gaming: anybody can connect to you at once.':
    'Offen fürs Spielen: alle können sich sofort mit dir verbinden.',
  'Moderate for gaming: friends on ordinary routers connect at once; two strict networks take a while.':
    'Mittel fürs Spielen: Freunde hinter üblichen Routern verbinden sich sofort; zwei strenge Netze brauchen etwas.',
  'Strict for gaming: friends on ordinary routers connect within seconds; another strict network may take minutes.':
    'Streng fürs Spielen: Freunde hinter üblichen Routern verbinden sich in Sekunden; ein zweites strenges Netz kann Minuten brauchen.',
  'public, no translation': 'öffentlich, ohne Übersetzung',
  'port-preserving cone': 'Cone, Port bleibt',
  cone: 'Cone',
  'address-sensitive symmetric': 'symmetrisch je Adresse',
  'port-sensitive symmetric': 'symmetrisch je Port',
  'lets anybody in': 'lässt alle herein',
  'lets in addresses you have sent to': 'lässt Adressen herein, an die du geschickt hast',
  'lets in only who you have sent to, address and port':
    'lässt nur herein, an wen du geschickt hast, mit Adresse und Port',
  'not tested (the masterserver needs a second port or address for it)':
    'nicht geprüft (der Masterserver braucht dafür einen zweiten Port oder eine zweite Adresse)',
  'has ended the game: waiting for it, your game may stay open':
    'hat das Spiel beendet: es wird auf ihn gewartet, dein Spiel darf offen bleiben',
  'is back, but has no place left: waiting for it, your game may stay open':
    'ist zurück, hat aber keinen Platz mehr: es wird gewartet, dein Spiel darf offen bleiben',
  "the host's game does not answer: nothing listens on port {port}. The connection to the host is fine.":
    'das Spiel des Hosts antwortet nicht: auf Port {port} lauscht nichts. Mit der Verbindung zum Host ist alles gut.',
  "the host's game on port {port} has stopped answering what your game sends. The connection to the host is fine.":
    'das Spiel des Hosts auf Port {port} antwortet deinem nicht mehr. Mit der Verbindung zum Host ist alles gut.',
  "the host's game answers again on port {port}": 'das Spiel des Hosts antwortet wieder auf Port {port}',
  'allowed, where there is no direct path (--relay never)': 'erlaubt, wo es keinen direkten Weg gibt (--relay never)',
  never: 'nie',
  'only: your address is hidden from friends': 'nur so: Freunde sehen deine Adresse nicht',
  answers: 'antwortet',
  'Local (at your address)': 'Lokal (an deiner Adresse)',
  Community: 'Gemeinschaft',
  Ping: 'Ping',
  'Join with': 'Beitreten mit',
  Server: 'Server',
  Players: 'Spieler',
  Up: 'Läuft',
  Joinable: 'Erreichbar',
  Friend: 'Freund',
  Way: 'Weg',
  With: 'Mit',
  'Carries the data': 'Trägt die Daten',
  'Nobody is connected, so there are no ways.': 'Niemand ist verbunden, also gibt es keine Wege.',
  proving: 'wird geprüft',
  ready: 'bereit',
  doubted: 'Antwort überfällig',
  sick: 'gestört',
  gone: 'weg',
  Lost: 'Verlust',
  Seat: 'Platz',
  Before: 'Früher',
  Key: 'Schlüssel',
  Program: 'Programm',
  Process: 'Prozess',
  What: 'Was',
  'a whole address that begins with https:// or http://': 'eine ganze Adresse, die mit https:// oder http:// beginnt',
  'json, discord or telegram': 'json, discord oder telegram',
  'a text': 'einen Text',
  'a text, the number of the chat': 'einen Text, die Nummer des Chats',
  'a list of host.listed, host.gone, alert, ban and test': 'eine Liste aus host.listed, host.gone, alert, ban und test',
  'There is no file {file}.': 'Es gibt keine Datei {file}.',
  'The file {file} may not be read by this user.': 'Die Datei {file} darf dieser Benutzer nicht lesen.',
  'The file {file} may not be used by this user.': 'Die Datei {file} darf dieser Benutzer nicht benutzen.',
  '{file} is a folder, where a file is meant.': '{file} ist ein Ordner, gemeint ist eine Datei.',
  '{file} is no folder.': '{file} ist kein Ordner.',
  'The command line is not right.': 'Die Befehlszeile stimmt nicht.',
  'This network is as strict as --fail-on names, or stricter.':
    'Dieses Netz ist so streng, wie --fail-on nennt, oder strenger.',
  'Check the code with the host, and that both use the same --master link.':
    'Prüfe den Code mit dem Host, und ob ihr beide denselben Link bei --master nehmt.',
  'Check the --master link and try again; an operator sees more with "sallyport check".':
    'Prüfe den Link von --master und versuch es noch einmal; wer den Server betreibt, sieht mehr mit „sallyport check“.',
  'Ask the host, not through the game, whether it has a new key. If it has, join with --new-key, which remembers that one.':
    'Frag den Host, nicht über das Spiel, ob er einen neuen Schlüssel hat. Wenn ja, nimm join mit --new-key, das sich diesen merkt.',
  'Ask the host for it, and type it when you are asked, or join with --password-file.':
    'Frag den Host danach, und tippe es ein, wenn du gefragt wirst, oder nimm join mit --password-file.',
  'Agree on --relay: allow fits everything.': 'Einigt euch auf --relay: allow passt zu allem.',
  'Choose another with --local-port, or 0 for any.': 'Nimm einen anderen mit --local-port, oder 0 für irgendeinen.',
  'Raise --timeout, turn on UPnP or forward one UDP port on either side.':
    'Nimm ein längeres --timeout, schalte UPnP an oder leite auf einer der Seiten einen UDP-Port weiter.',
  'Stop that one ("sallyport ctl stop"), or host under another name with --as; a second folder is --state-dir.':
    'Beende das andere („sallyport ctl stop“), oder hoste mit --as unter einem anderen Namen; ein zweiter Ordner ist --state-dir.',
  'Start it first, or give the --state-dir that it was started with; "sallyport ctl status" lists what runs.':
    'Starte es zuerst, oder nenne das --state-dir, mit dem es gestartet wurde; „sallyport ctl status“ zählt auf, was läuft.',
  'Mend that, or give another --state-dir.': 'Behebe das, oder nimm ein anderes --state-dir.',
  'Write it anew with "sallyport master repair", or put a backup in its place with "sallyport master restore".':
    'Schreib ihn neu mit „sallyport master repair“, oder setz eine Sicherung ein mit „sallyport master restore“.',
  'See "sallyport help".': 'Siehe „sallyport help“.',
  'Looking for the host.': 'Der Host wird gesucht.',
  'Found the host.': 'Der Host ist gefunden.',
  'Looking at your own network.': 'Das eigene Netz wird angesehen.',
  'Asking the host.': 'Der Host wird gefragt.',
  'The host is asked whether you may come in.': 'Der Host wird gefragt, ob du herein darfst.',
  'The host is asked about others before you.': 'Der Host wird vor dir nach anderen gefragt.',
  'Opening the path.': 'Der Weg wird geöffnet.',
  'Waiting.': 'Es wird gewartet.',
  'Connected.': 'Verbunden.',
  'UDP does not pass on your side: try another network there, a phone hotspot shows the difference.':
    'UDP kommt auf deiner Seite nicht durch: versuch dort ein anderes Netz, der Hotspot eines Telefons zeigt den Unterschied.',
  "UDP does not pass on the host's side: try another network there, a phone hotspot shows the difference.":
    'UDP kommt auf der Seite des Hosts nicht durch: versucht dort ein anderes Netz, der Hotspot eines Telefons zeigt den Unterschied.',
  'UDP does not pass on either side: try another network there, a phone hotspot shows the difference.':
    'UDP kommt auf keiner Seite durch: versucht ein anderes Netz, der Hotspot eines Telefons zeigt den Unterschied.',
  'Not direct, because UDP does not pass on your side.': 'Nicht direkt, weil UDP auf deiner Seite nicht durchkommt.',
  "Not direct, because UDP does not pass on the host's side.":
    'Nicht direkt, weil UDP auf der Seite des Hosts nicht durchkommt.',
  'Not direct, because UDP does not pass on either side.': 'Nicht direkt, weil UDP auf keiner Seite durchkommt.',
  'turn on UPnP or forward one UDP port on your router':
    'UPnP an deinem Router anschalten oder einen UDP-Port weiterleiten',
  "turn on UPnP or forward one UDP port on the host's router":
    'UPnP am Router des Hosts anschalten oder einen UDP-Port weiterleiten',
  'turn on UPnP or forward one UDP port on either router':
    'UPnP an einem der Router anschalten oder einen UDP-Port weiterleiten',
  'turn on UPnP or forward one UDP port on both': 'UPnP an beiden anschalten oder einen UDP-Port weiterleiten',
  'use IPv6: the host has it, you do not': 'IPv6 nutzen: der Host hat es, du nicht',
  'use IPv6: you have it, the host does not': 'IPv6 nutzen: du hast es, der Host nicht',
  'use IPv6 on both sides': 'IPv6 auf beiden Seiten nutzen',
  'Whoever runs the relay sees who speaks to whom and how much, but not what: that is encrypted end to end.':
    'Wer das Relay betreibt, sieht, wer mit wem spricht und wie viel, aber nicht was: das ist von Ende zu Ende verschlüsselt.',
  'That is no join code, and no join link.': 'Das ist kein Code und kein Link zum Beitreten.',
  'Something is missing, or it is another text.': 'Etwas fehlt, oder es ist ein anderer Text.',
  'Copy the code or the link of the host once more, as a whole.':
    'Kopiere den Code oder den Link des Hosts noch einmal, und zwar ganz.',
  'No host has this join code.': 'Kein Host hat diesen Code.',
  'A letter may be wrong, or the host uses another masterserver.':
    'Vielleicht ist ein Buchstabe falsch, oder der Host ist bei einem anderen Masterserver.',
  'The host is not online.': 'Der Host ist nicht online.',
  'The code is right, but the host has stopped or lost its connection.':
    'Der Code stimmt, aber der Host hat aufgehört oder die Verbindung verloren.',
  'Ask the host to start again; the code stays the same.': 'Bitte den Host, wieder zu starten; der Code bleibt gleich.',
  'The masterserver answers at the port of its link, and at no other one.':
    'Der Masterserver antwortet am Port seines Links und an keinem anderen.',
  'Its operator may have opened that one alone in a firewall: it uses 25 UDP ports, that one and the next ones.':
    'Vielleicht hat sein Betreiber nur diesen in einer Firewall geöffnet: er braucht 25 UDP-Ports, diesen und die nächsten.',
  'Tell the operator of the masterserver, who can have it use a single one.':
    'Sag es dem Betreiber des Masterservers, der ihn mit einem einzigen auskommen lassen kann.',
  'The masterserver does not answer.': 'Der Masterserver antwortet nicht.',
  'It may be down, the link may name a wrong address, or a firewall blocks UDP to it.':
    'Vielleicht ist er aus, der Link nennt eine falsche Adresse, oder eine Firewall sperrt UDP dorthin.',
  'The masterserver does not have the key in the link.': 'Der Masterserver hat nicht den Schlüssel aus dem Link.',
  'The link is outdated, or somebody else answers at that address.':
    'Der Link ist veraltet, oder an der Adresse antwortet jemand anderes.',
  'Get a fresh link from the operator of the masterserver.':
    'Hol dir einen neuen Link von dem, der den Masterserver betreibt.',
  'UDP does not get out of this network.': 'UDP kommt nicht aus diesem Netz hinaus.',
  'A firewall on this computer or in this network drops UDP.':
    'Eine Firewall auf diesem Rechner oder in diesem Netz verwirft UDP.',
  'Allow outgoing UDP, or try another network (a phone hotspot shows the difference).':
    'Erlaube ausgehendes UDP, oder versuch ein anderes Netz (der Hotspot eines Telefons zeigt den Unterschied).',
  'The host has another key than expected.': 'Der Host hat einen anderen Schlüssel als erwartet.',
  'The host was installed anew, or somebody pretends to be it.':
    'Der Host wurde neu installiert, oder jemand gibt sich für ihn aus.',
  'The masterserver calls this host by a join code that is not its own.':
    'Der Masterserver nennt für diesen Host einen Code, der nicht seiner ist.',
  'A code is derived from the key of the host. The masterserver is broken, or sends your friends to somebody else.':
    'Ein Code entsteht aus dem Schlüssel des Hosts. Der Masterserver ist kaputt, oder er schickt deine Freunde zu jemand anderem.',
  'Give that code to nobody, and use another masterserver.':
    'Gib diesen Code niemandem, und nimm einen anderen Masterserver.',
  'Another computer hosts with the key of this one now: friends reach that one.':
    'Ein anderer Rechner hostet jetzt mit dem Schlüssel von diesem: Freunde erreichen jenen.',
  'The state folder was copied, or the same host was started on a second computer.':
    'Der Zustandsordner wurde kopiert, oder derselbe Host auf einem zweiten Rechner gestartet.',
  'Stop one of the two. This one is found again as soon as the other has gone.':
    'Beende einen der beiden. Dieser wird wieder gefunden, sobald der andere weg ist.',
  'Another host has the join code of this one.': 'Ein anderer Host hat den Code von diesem.',
  'Two keys have one code, which is rarer than one in a million for all hosts of a large masterserver together.':
    'Zwei Schlüssel haben einen Code, was seltener ist als eins zu einer Million für alle Hosts eines großen Masterservers zusammen.',
  'Move the key file of this host away and host again: it gets a new key, and with that a new code and link.':
    'Verschiebe die Schlüsseldatei dieses Hosts und hoste neu: er bekommt einen neuen Schlüssel, und damit einen neuen Code und Link.',
  'The password is missing or wrong.': 'Das Passwort fehlt oder ist falsch.',
  'This host asks for a password.': 'Dieser Host will ein Passwort.',
  'The host refused the join.': 'Der Host hat abgelehnt.',
  'The person who hosts said no, or does not take joins now.':
    'Wer hostet, hat nein gesagt, oder lässt gerade niemanden herein.',
  'Ask the host.': 'Frag den Host.',
  'You are banned here.': 'Du bist hier gesperrt.',
  'The host or the masterserver keeps you out.': 'Der Host oder der Masterserver lässt dich nicht herein.',
  'Ask whoever runs it.': 'Frag, wer ihn betreibt.',
  'The two networks have no kind of address in common.': 'Die beiden Netze haben keine Art von Adressen gemeinsam.',
  'One of them has IPv6 alone and the other IPv4 alone, and the masterserver has no relay that both reach.':
    'Das eine hat nur IPv6, das andere nur IPv4, und der Masterserver hat kein Relay, das beide erreichen.',
  'Use another network on one side (a phone as hotspot often has both), or a masterserver with a relay.':
    'Nimm auf einer Seite ein anderes Netz (ein Handy als Hotspot hat oft beides), oder einen Masterserver mit Relay.',
  'The two sides want different ways.': 'Beide Seiten wollen verschiedene Wege.',
  'One goes through a relay only, and the other through none, or the masterserver has no relay.':
    'Eine geht nur über ein Relay und die andere über keines, oder der Masterserver hat keines.',
  'There is no socket of a direct path to give away.': 'Es gibt keinen Socket eines direkten Wegs zum Weggeben.',
  'The connection goes through a relay, or through a port that other connections use, too.':
    'Die Verbindung läuft über ein Relay, oder über einen Port, den auch andere Verbindungen nutzen.',
  'Wait for the path event of a direct kind; until then send through the connection.':
    'Warte, bis ein direkter Weg gemeldet wird; bis dahin sende über die Verbindung.',
  'The host is full.': 'Der Host ist voll.',
  'All its places are taken.': 'Alle seine Plätze sind belegt.',
  'Try again when somebody has left.': 'Versuch es wieder, wenn jemand gegangen ist.',
  'Too many requests just now.': 'Gerade zu viele Anfragen.',
  'The masterserver or the host limits how often it can be asked.':
    'Der Masterserver oder der Host begrenzt, wie oft man ihn fragen kann.',
  'Wait a few seconds and try again.': 'Warte ein paar Sekunden und versuch es noch einmal.',
  'The other side speaks another version.': 'Die andere Seite spricht eine andere Version.',
  'One of the two programs is older.': 'Eines der beiden Programme ist älter.',
  'Update the older one.': 'Bring das ältere auf den neuen Stand.',
  'The local port is taken.': 'Der Port hier ist belegt.',
  'Another program uses it.': 'Ein anderes Programm nutzt ihn.',
  'Nothing listens on the game port.': 'Auf dem Port des Spiels lauscht nichts.',
  'The game server is not running, or it uses another port.':
    'Der Spielserver läuft nicht, oder er nutzt einen anderen Port.',
  'Start the game server, or give the right port.': 'Starte den Spielserver, oder nenne den richtigen Port.',
  'No direct path was found in the time allowed.': 'In der erlaubten Zeit fand sich kein direkter Weg.',
  'Both networks change ports in a way that takes long to meet.':
    'Beide Netze wechseln Ports so, dass es lange dauert, sich zu treffen.',
  'Stopped.': 'Beendet.',
  'You stopped it.': 'Du hast es beendet.',
  'Start it again when you like.': 'Starte es wieder, wann du willst.',
  'The router, or the provider, gives each connection a port of its own or lets nobody in unasked.':
    'Der Router oder der Anbieter gibt jeder Verbindung einen eigenen Port oder lässt niemanden ungefragt herein.',
  'The report says what would help.': 'Der Bericht sagt, was helfen würde.',
  'A port can not be bound.': 'Ein Port lässt sich nicht belegen.',
  'Another program uses it, or this user may not.':
    'Ein anderes Programm nutzt ihn, oder dieser Benutzer darf es nicht.',
  'Stop the other program, or give another port or address.':
    'Beende das andere Programm, oder nenne einen anderen Port oder eine andere Adresse.',
  'It is running already.': 'Es läuft schon.',
  'Another process uses the same key or folder.': 'Ein anderer Prozess nutzt denselben Schlüssel oder Ordner.',
  'There is nothing to talk to.': 'Es ist nichts da, womit man sprechen könnte.',
  'No host, join or app of yours runs with this state directory.':
    'Mit diesem Zustandsordner läuft kein Host, kein join und keine App von dir.',
  'The state folder can not be used.': 'Der Zustandsordner ist nicht zu benutzen.',
  "It is somebody else's, read-only or damaged, or the disk is full.":
    'Er gehört jemand anderem, ist schreibgeschützt oder beschädigt, oder die Platte ist voll.',
  'The store is not whole.': 'Der Speicher ist nicht ganz.',
  'A disk, a copy or a program has changed it, or the computer stopped without warning.':
    'Eine Platte, eine Kopie oder ein Programm hat ihn verändert, oder der Rechner blieb ohne Warnung stehen.',
  'An option, number or file is missing or malformed.':
    'Ein Wort, eine Zahl oder eine Datei fehlt oder ist fehlerhaft.',
  'A fault in sallyport itself.': 'Ein Fehler in sallyport selbst.',
  'This should not happen.': 'Das sollte nicht vorkommen.',
  'Please report it with the log.': 'Bitte melde ihn, mit dem Protokoll.',
  'results as JSON lines on stdout': 'Ergebnisse als JSON-Zeilen auf stdout',
  'say nothing but failures': 'nichts sagen, außer wenn etwas misslingt',
  'no colours (also NO_COLOR)': 'keine Farben (auch NO_COLOR)',
  'do not mask addresses in what people read': 'Adressen in dem, was Menschen lesen, nicht verdecken',
  'mask addresses in the JSON lines too': 'Adressen auch in den JSON-Zeilen verdecken',
  'language of what people read (default: that of the system)':
    'Sprache dessen, was Menschen lesen (sonst die des Systems)',
  'the masterserver, as "sallyport master" prints it': 'der Masterserver, wie „sallyport master“ ihn ausgibt',
  'a public STUN server; may be given several times': 'ein öffentlicher STUN-Server; mehrmals möglich',
  'where keys are kept (default: the XDG state directory)': 'wo Schlüssel liegen (sonst der XDG-Zustandsordner)',
  'never | allow (default) | only: a relay of the masterserver; only hides your address from the other side':
    'never | allow (sonst) | only: ein Relay des Masterservers; only verdeckt deine Adresse vor der anderen Seite',
  'which host this is: its key, code, friends and bans, whatever ports it has (default: the first port)':
    'welcher Host das ist: sein Schlüssel, Code, seine Freunde und Sperren, welche Ports er auch hat (sonst der erste Port)',
  'the name friends see': 'der Name, den Freunde sehen',
  'which game it is; one of docs/games.md brings its ports, and how it is asked':
    'welches Spiel es ist; eines aus docs/games.md bringt seine Ports mit, und wie man es fragt',
  'ask the game for name, map and players; a type of the package gamedig, such as q3a, or off':
    'das Spiel nach Name, Karte und Spielern fragen; ein Typ des Pakets gamedig, wie q3a, oder off',
  'show it in the list of the masterserver': 'in der Liste des Masterservers zeigen',
  'at most so many friends at once (default 8)': 'höchstens so viele Freunde zugleich (sonst 8)',
  'ask friends for a password, which is typed here at the terminal':
    'von Freunden ein Passwort verlangen, das hier im Terminal getippt wird',
  'ask friends for the password in this file': 'von Freunden das Passwort in dieser Datei verlangen',
  'ask before each friend is let in (y or n)': 'vor jedem Freund fragen, ob er herein darf (y oder n)',
  'leave the clipboard alone': 'die Zwischenablage in Ruhe lassen',
  'say nothing on the local network (a private host says nothing that strangers understand)':
    'im lokalen Netz nichts sagen (ein privater Host sagt nichts, was Fremde verstehen)',
  'exit with 7 where nothing listens on the port yet': 'mit 7 enden, wenn noch nichts auf dem Port lauscht',
  'try until the masterserver answers, as after the start of a computer (as a systemd service: always)':
    'versuchen, bis der Masterserver antwortet, wie nach dem Start eines Rechners (als systemd-Dienst immer)',
  'where the game connects to, for the first port of the host (default: its own number; 0: any free one)':
    'womit sich das Spiel verbindet, für den ersten Port des Hosts (sonst dessen eigene Nummer; 0: irgendein freier)',
  'also for the local network: a console or a second computer finds the host at this one':
    'auch für das lokale Netz: eine Konsole oder ein zweiter Rechner findet den Host an diesem',
  'give up after this long without a path (default 0: never)': 'nach so langer Zeit ohne Weg aufgeben (sonst 0: nie)',
  'end when the host ends; otherwise it is waited for, and the game may stay open':
    'enden, wenn der Host endet; sonst wird auf ihn gewartet, und das Spiel darf offen bleiben',
  'wait for a host that is not online yet as well': 'auch auf einen Host warten, der noch nicht online ist',
  'ask for the password at the terminal at once; otherwise when the host wants one':
    'gleich im Terminal nach dem Passwort fragen; sonst erst, wenn der Host eines will',
  'the password the host asks for': 'das Passwort, das der Host verlangt',
  'how the host sees you (default: what you have once said, here or in the app)':
    'wie der Host dich sieht (sonst, was du einmal gesagt hast, hier oder in der App)',
  'come as somebody whom no host knows: bans, favourites and --ask see a stranger':
    'als jemand kommen, den kein Host kennt: Sperren, Favoriten und --ask sehen einen Fremden',
  'take the new key of a host that you know by another one; ask the host first':
    'den neuen Schlüssel eines Hosts nehmen, den du mit einem anderen kennst; frag vorher den Host',
  'which one, where several run: what it hosts as, the code it joins, or app':
    'welches, wenn mehrere laufen: als was es hostet, der Code, bei dem es ist, oder app',
  'ban: everybody from the network of the friend, too': 'ban: auch alle aus dem Netz des Freundes',
  'copy the report to the clipboard, addresses removed': 'den Bericht in die Zwischenablage kopieren, ohne Adressen',
  'also list who was asked and what it saw': 'auch aufzählen, wer gefragt wurde und was er sah',
  'measure again and again, like 30s or 5m': 'immer wieder messen, wie 30s oder 5m',
  'strict | moderate: exit with 9 where the verdict is that or worse':
    'strict | moderate: mit 9 enden, wenn das Urteil so ist oder schlechter',
  'also try the way to this host, without a game': 'auch den Weg zu diesem Host versuchen, ohne Spiel',
  'the password the host of --with asks for': 'das Passwort, das der Host von --with verlangt',
  'of the page on 127.0.0.1 (default 0: any free one)': 'der Seite auf 127.0.0.1 (sonst 0: irgendein freier)',
  'open the playground: two NATs in a simulated internet':
    'die Spielwiese öffnen: zwei NATs in einem simulierten Internet',
  'print the link, open no browser': 'den Link ausgeben, keinen Browser öffnen',
  'what the relay gives whom, like pair=128k or host-day=24G (docs/operating.md); may be given several times':
    'was das Relay wem gibt, wie pair=128k oder host-day=24G (docs/operating.md); mehrmals möglich',
  'address to bind; twice where there are two (default: the best one)':
    'Adresse; zweimal, wo es zwei gibt (sonst die beste)',
  'what others reach it under, behind a 1:1 NAT; one for each --listen':
    'worunter andere sie erreichen, hinter einem 1:1-NAT; eine für jedes --listen',
  '25 UDP ports from here on (default 8430)': '25 UDP-Ports von hier an (sonst 8430)',
  'one UDP port for everything (--port N): for port 443, Docker, one port mapping':
    'ein UDP-Port für alles (--port N): für Port 443, Docker, eine Portweiterleitung',
  'everything on this UDP port too, such as 443': 'alles auch auf diesem UDP-Port, etwa 443',
  'threads for the 16 probe ports (default 0: none of their own)':
    'Threads für die 16 Probe-Ports (sonst 0: keine eigenen)',
  'forward for pairs that find no direct path (default on), on one further UDP port':
    'weiterleiten für Paare ohne direkten Weg (sonst on), auf einem weiteren UDP-Port',
  'that port (default: the one behind the others)': 'dieser Port (sonst der hinter den anderen)',
  'what players are told relays for them (default "master")':
    'was Spieler lesen, wer für sie weiterleitet (sonst „master“)',
  'where it is, in a word': 'wo es ist, in einem Wort',
  'a relay elsewhere ("sallyport relay"); may be given several times':
    'ein Relay anderswo („sallyport relay“); mehrmals möglich',
  'what this master and its relays share (default: relay.secret in the state directory)':
    'was dieser Master und seine Relays teilen (sonst relay.secret im Zustandsordner)',
  'UDP by the package udx-native, where it is installed: less CPU time a datagram':
    'UDP mit dem Paket udx-native, wo es installiert ist: weniger Rechenzeit je Datagramm',
  'also answer STUN there (default: no)': 'dort auch STUN beantworten (sonst nicht)',
  'page, list and admin (default 127.0.0.1:8420), or off':
    'Seite, Liste und Verwaltung (sonst 127.0.0.1:8420), oder off',
  'HTTPS with this certificate': 'HTTPS mit diesem Zertifikat',
  'and this key': 'und diesem Schlüssel',
  'where HTTPS reaches it, for players without UDP: into the link (default: where --tls-cert is), or off':
    'wo HTTPS ihn erreicht, für Spieler ohne UDP: in den Link (sonst wo --tls-cert ist), oder off',
  'a proxy elsewhere whose X-Forwarded-For is believed': 'ein Proxy anderswo, dessen X-Forwarded-For geglaubt wird',
  'Prometheus (default 127.0.0.1:9464), or off': 'Prometheus (sonst 127.0.0.1:9464), oder off',
  'configuration folder of the official servers': 'Ordner mit den offiziellen Servern',
  'messages to Discord, Telegram or a receiver of your own':
    'Nachrichten an Discord, Telegram oder einen eigenen Empfänger',
  'how to reach you, shown on the page': 'wie man dich erreicht, steht auf der Seite',
  'JSON log on stderr (default warn; silent at a terminal)':
    'JSON-Protokoll auf stderr (sonst warn; im Terminal silent)',
  'keys and the store (default: the XDG state directory)': 'Schlüssel und Speicher (sonst der XDG-Zustandsordner)',
  'write a systemd unit with these flags and end': 'eine systemd-Unit mit diesen Optionen schreiben und enden',
  'address to bind; one of each family at most is best': 'Adresse; am besten höchstens eine von jeder Familie',
  'its UDP port (default 8455)': 'sein UDP-Port (sonst 8455)',
  'the masterserver whose pairs it serves': 'der Masterserver, für dessen Paare es da ist',
  'a copy of relay.secret of that masterserver': 'eine Kopie von relay.secret dieses Masterservers',
  'Prometheus (default off)': 'Prometheus (sonst off)',
  'classes of networks, like P3,S6@mobile (docs/simulation.md)':
    'Klassen von Netzen, wie P3,S6@mobile (docs/simulation.md)',
  'one seed is one run (default 1)': 'ein Startwert ist ein Lauf (sonst 1)',
  'virtual seconds until it gives up (default 120)': 'virtuelle Sekunden, bis es aufgibt (sonst 120)',
  'print every packet': 'jedes Paket ausgeben',
  'classes of networks, like P3,S6 (docs/lab.md)': 'Klassen von Netzen, wie P3,S6 (docs/lab.md)',
  'until it gives up (default 120)': 'bis es aufgibt (sonst 120)',
  'let friends reach game servers: 30000, 64738/udp+tcp, 2456-2457, 192.168.1.50:30000':
    'Freunde an Spielserver lassen: 30000, 64738/udp+tcp, 2456-2457, 192.168.1.50:30000',
  'its own port, and its players in the list': 'der eigene Port, und die Spieler in der Liste',
  'reach the server of a friend': 'den Server eines Freundes erreichen',
  'look at a host, join or app that runs here, and command it':
    'nach einem Host, join oder der App hier sehen und ihnen befehlen',
  'what runs here, and how it is': 'was hier läuft, und wie es ihm geht',
  'the friends of the host: way, loss, seat at the game, time':
    'die Freunde des Hosts: Weg, Verlust, Platz im Spiel, Zeit',
  'by name, or by the first digits of the key': 'mit Namen, oder mit den ersten Ziffern des Schlüssels',
  'it and everybody from there; without --network by its key alone':
    'ihn und alle von dort; ohne --network nur nach dem Schlüssel',
  'as Ctrl+C there': 'wie dort Strg+C',
  'what this network is like, and what would make it better': 'wie dieses Netz ist, und was es besser machen würde',
  'all of this in a page of the browser': 'all das in einer Seite im Browser',
  'run a masterserver, which introduces hosts and friends':
    'einen Masterserver betreiben, der Hosts und Freunde zusammenbringt',
  'is the store whole? (also while the master runs)': 'ist der Speicher ganz? (auch während der Master läuft)',
  'write it anew from what can be read; the old one is kept': 'neu schreiben, was lesbar ist; der alte bleibt',
  'a copy with the key (also while the master runs)': 'eine Kopie mit dem Schlüssel (auch während der Master läuft)',
  'put the copy in place; what was there is kept': 'die Kopie einsetzen; was dort war, bleibt',
  "the next start makes a new token for the admin's page": 'der nächste Start macht ein neues Token für die Verwaltung',
  'forward for pairs of a masterserver elsewhere, end to end encrypted':
    'für Paare eines Masterservers anderswo weiterleiten, von Ende zu Ende verschlüsselt',
  'watch one join between two kinds of networks, simulated':
    'einem Beitritt zwischen zwei Arten von Netzen zusehen, simuliert',
  "try one join between two NATs of this computer's kernel":
    'einen Beitritt zwischen zwei NATs im Kernel dieses Rechners versuchen',
  'the public servers of a masterserver': 'die öffentlichen Server eines Masterservers',
  'print the version': 'die Version ausgeben',
  'this text, or that of a command with all its flags': 'diesen Text, oder den eines Befehls mit allen Optionen',
  'The link does not begin with sallyport://.': 'Der Link beginnt nicht mit sallyport://.',
  'The link is malformed.': 'Der Link ist fehlerhaft.',
  'The link has no address of a masterserver.': 'Der Link hat keine Adresse eines Masterservers.',
  'The link has the malformed address "{part}".': 'Der Link hat die fehlerhafte Adresse „{part}“.',
  'The link has an IPv6 address that is not in [brackets].':
    'Der Link hat eine IPv6-Adresse, die nicht in [Klammern] steht.',
  'The link has the port {part}; ports are 1 to 65535.': 'Der Link hat den Port {part}; Ports sind 1 bis 65535.',
  'The link has "{part}" after "?", which is neither udp=PORT nor tls=HOST:PORT.':
    'Der Link hat „{part}“ hinter „?“, das ist weder udp=PORT noch tls=HOST:PORT.',
  'The link has no key after "#": copy the whole link (in a shell, put it in quotes).':
    'Der Link hat keinen Schlüssel hinter „#“: kopiere den ganzen Link (in einer Shell in Anführungszeichen).',
  'The link has an incomplete or mistyped key after "#".':
    'Der Link hat hinter „#“ einen unvollständigen oder vertippten Schlüssel.',
  'The link has more keys than such a link can have.': 'Der Link hat mehr Schlüssel, als ein solcher Link haben kann.',
  'The link names "{part}" where a masterserver link has nothing: is it a link to a host?.':
    'Der Link nennt „{part}“, wo im Link eines Masterservers nichts steht: ist es der Link eines Hosts?',
  'The link has no join code: it should look like sallyport://…/j/CODE#KEY.':
    'Der Link hat keinen Code: er sollte aussehen wie sallyport://…/j/CODE#KEY.',
  'The link has a malformed join code "{part}".': 'Der Link hat den fehlerhaften Code „{part}“.',
  'This agent hosts already.': 'Dieser Agent hostet schon.',
  'The agent is closed.': 'Der Agent ist geschlossen.',
  'Asking the game needs a package that is not installed: npm install gamedig.':
    'Das Spiel zu fragen braucht ein Paket, das fehlt: npm install gamedig.',
  'gamedig knows no game "{wanted}": its types are listed at https://www.npmjs.com/package/gamedig.':
    'gamedig kennt kein Spiel „{wanted}“: seine Typen stehen unter https://www.npmjs.com/package/gamedig.',
  '"{server}" is no STUN server: write host:port.': '„{server}“ ist kein STUN-Server: schreib host:port.',
  '"{name}" can not name a host: use up to 32 letters, digits, - and _.':
    '„{name}“ kann kein Host heißen: bis zu 32 Buchstaben, Ziffern, - und _.',
  'No free ports on {LOCALHOST}.': 'Auf {LOCALHOST} ist kein Port frei.',
  'The name {host} has no address.': 'Der Name {host} hat keine Adresse.',
  'Process {lock} uses the key {keyFile} already: is this hosted twice?':
    'Prozess {lock} nutzt den Schlüssel {keyFile} schon: wird hier zweimal gehostet?',
  'The path is not up.': 'Der Weg steht nicht.',
  'your upload is full: the game sends more than your line takes. Large updates are left out, so that the others go on at once.':
    'dein Upload ist voll: das Spiel schickt mehr, als deine Leitung nimmt. Große Updates bleiben weg, damit die anderen gleich durchgehen.',
  'your upload is enough again': 'dein Upload reicht wieder',
  'try another network': 'ein anderes Netz versuchen',
  'The host has not answered: is it still there?': 'Der Host hat nicht geantwortet: ist er noch da?',
  'Whoever runs the host has not said yes or no.': 'Wer hostet, hat noch nicht ja oder nein gesagt.',
  'The code and the key in the link do not belong together.':
    'Der Code und der Schlüssel im Link gehören nicht zusammen.',
  'The masterserver names a host that this code does not belong to.':
    'Der Masterserver nennt einen Host, zu dem dieser Code nicht gehört.',
  'The link has another key than the host that you joined by this code before.':
    'Der Link hat einen anderen Schlüssel als der Host, bei dem du mit diesem Code schon warst.',
  'You have joined "{name}" here before, and it had another key.':
    'Bei „{name}“ warst du hier schon, und es hatte einen anderen Schlüssel.',
  'The answer is not by the host that was asked.': 'Die Antwort ist nicht von dem Host, der gefragt wurde.',
  'Nothing can be sealed to the key in the link.': 'Für den Schlüssel im Link lässt sich nichts versiegeln.',
  'There are too many joins at once.': 'Es sind zu viele Beitritte auf einmal.',
  'Too many codes that no host has were tried from your address.':
    'Von deiner Adresse wurden zu viele Codes probiert, die kein Host hat.',
  'No socket could be opened ({error}).': 'Es ließ sich kein Socket öffnen ({error}).',
  '--native-udp needs a package that is not installed: npm install udx-native.':
    '--native-udp braucht ein Paket, das fehlt: npm install udx-native.',
  "The file {path} can't be used: {reason}.": 'Die Datei {path} ist nicht zu benutzen: {reason}.',
  '{flag} takes an IP address, not "{wrong}".': '{flag} nimmt eine IP-Adresse, nicht „{wrong}“.',
  '--advertise is given once for each --listen, in the same order.':
    '--advertise steht einmal für jedes --listen, in derselben Reihenfolge.',
  '--listen {every} is every address: give the one that others reach, or add --advertise.':
    '--listen {every} ist jede Adresse: nenne die, die andere erreichen, oder nimm --advertise dazu.',
  '--trusted-proxy takes an IP address or a network like 10.0.0.0/8, not "{proxy}".':
    '--trusted-proxy nimmt eine IP-Adresse oder ein Netz wie 10.0.0.0/8, nicht „{proxy}“.',
  '--https-at {https} is neither HOST nor HOST:PORT.': '--https-at {https} ist weder HOST noch HOST:PORT.',
  '--port {port} leaves no room for {UDP_PORTS} ports: give one up to 65511, or --one-port.':
    '--port {port} lässt keinen Raum für {UDP_PORTS} Ports: höchstens 65511, oder --one-port.',
  '--probe-workers has no ports of its own with --one-port: leave one away.':
    '--probe-workers hat mit --one-port keine eigenen Ports: lass eines weg.',
  '--also-port {alsoPort} is one of the ports that there are anyway ({port} to {last}).':
    '--also-port {alsoPort} ist einer der Ports, die es sowieso gibt ({port} bis {last}).',
  '{flag} {at} is not ADDRESS:PORT.': '{flag} {at} ist nicht ADDRESS:PORT.',
  "--tls-cert {cert} and --tls-key {key} can't be used: {message}.":
    '--tls-cert {cert} und --tls-key {key} sind nicht zu benutzen: {message}.',
  '{where}: this computer does not have that address. Give another --listen, or --advertise behind a 1:1 NAT.':
    '{where}: diese Adresse hat dieser Rechner nicht. Nimm ein anderes --listen, oder --advertise hinter einem 1:1-NAT.',
  'A probe port: {failure}.': 'Ein Probe-Port: {failure}.',
  '--master takes the link that "sallyport master" prints ({problem}).':
    '--master nimmt den Link, den „sallyport master“ ausgibt ({problem}).',
  '--secret-file {secretFile} is not there: copy relay.secret from the state folder of the master.':
    '--secret-file {secretFile} ist nicht da: kopiere relay.secret aus dem Zustandsordner des Masters.',
  '--relay-quota takes NAME=VALUE, like pair=128k or host-day=24G, not "{text}".':
    '--relay-quota nimmt NAME=VALUE, wie pair=128k oder host-day=24G, nicht „{text}“.',
  '--relay-quota: address-pairs is half of pairs at most, and network-pairs no more than pairs.':
    '--relay-quota: address-pairs ist höchstens die Hälfte von pairs, und network-pairs nicht mehr als pairs.',
  '--relay-at takes NAME,REGION,ADDRESS:PORT, like far,eu,198.51.100.9:8455, not "{text}".':
    '--relay-at nimmt NAME,REGION,ADDRESS:PORT, wie far,eu,198.51.100.9:8455, nicht „{text}“.',
  'The name or region of a relay has {relayNameBytesMax} bytes at most, not "{clean}".':
    'Name oder Region eines Relays hat höchstens {relayNameBytesMax} Bytes, nicht „{clean}“.',
  'A master has {relaysMax} relays at most.': 'Ein Master hat höchstens {relaysMax} Relays.',
  'Two relays are called "{name}": give one another name.':
    'Zwei Relays heißen „{name}“: gib einem einen anderen Namen.',
  "The relay can't be bound ({why}). Give another --relay-port, or --relay off.":
    'Das Relay ist nicht zu binden ({why}). Nimm einen anderen --relay-port, oder --relay off.',
  '--port {port} leaves no port for the relay: give --relay-port.':
    '--port {port} lässt keinen Port für das Relay: nimm --relay-port.',
  '--relay-port {own} is another port of the masterserver: give one of its own.':
    '--relay-port {own} ist ein anderer Port des Masterservers: gib ihm einen eigenen.',
  "{at} can't be bound for {flag}: {why}.": '{at} ist für {flag} nicht zu binden: {why}.',
  'process {lock} is a master with {stateDir} too': 'Prozess {lock} ist auch ein Master mit {stateDir}',
  'no lock could be written in {stateDir}: {message}': 'in {stateDir} ließ sich keine Sperrdatei schreiben: {message}',
  '{target} is there already: give another name, nothing is written over.':
    '{target} gibt es schon: nimm einen anderen Namen, nichts wird überschrieben.',
  "{target} can't be written: {message}.": '{target} ist nicht zu schreiben: {message}.',
  'The copy {target}: {lost}': 'Die Kopie {target}: {lost}',
  'The store {name}: {lost}': 'Der Speicher {name}: {lost}',
  'The file is damaged ({damage}).': 'Die Datei ist beschädigt ({damage}).',
  'The file is damaged ({damage}), though every row can be read.':
    'Die Datei ist beschädigt ({damage}), doch jede Zeile ist lesbar.',
  '{n} rows were damaged; good copies of them were found.':
    '{n} Zeilen waren beschädigt; gute Kopien davon sind gefunden.',
  'It is not there, though it was: nobody can tell what it held.':
    'Er ist nicht da, obwohl er da war: Was darin stand, weiß niemand.',
  'It was written by a newer version of sallyport (store {v}, known {known}) and is left alone: this run remembers nothing.':
    'Eine neuere Version von sallyport hat ihn geschrieben (Speicher {v}, bekannt ist {known}), und er bleibt unberührt: Dieser Lauf merkt sich nichts.',
  'Use that version.': 'Nimm jene Version.',
  '{problem} What it holds is unknown to this run.': '{problem} Was darin steht, weiß dieser Lauf nicht.',
  '{source} is no whole backup of "sallyport master backup" ({lost}). Nothing was changed.':
    '{source} ist keine ganze Sicherung von „sallyport master backup“ ({lost}). Nichts wurde geändert.',
  'Neither its seal nor its mark can be read, so nobody can tell what is missing.':
    'Weder sein Siegel noch seine Marke sind lesbar; was fehlt, weiß also niemand.',
  "{less} of {count} {many} can't be read.": 'Von {count} Stück sind {less} nicht lesbar: {many}.',
  'There are {n} more {many} than there should be: some that had ended are back.':
    'Es sind {n} zu viel da ({many}): Einige, die vorbei waren, sind wieder da.',
  'Some {many} are older than they should be.': 'Einige sind älter, als sie sein sollten: {many}.',
  'What was written from {from} to {to} is missing: {changes}.':
    'Was von {from} bis {to} geschrieben wurde, fehlt: {changes}.',
  'Its mark is {state}: what was written may be missing.':
    'Seine Marke {state}: Was geschrieben wurde, fehlt vielleicht.',
  'Its mark is {state}: what was written after {time} may be missing.':
    'Seine Marke {state}: Was nach {time} geschrieben wurde, fehlt vielleicht.',
  damaged: 'ist beschädigt',
  missing: 'fehlt',
  'The computer stopped without warning: what was written may be missing.':
    'Der Rechner ist ohne Warnung stehen geblieben: Was geschrieben wurde, fehlt vielleicht.',
  'The computer stopped without warning: what was written after {time} may be missing.':
    'Der Rechner ist ohne Warnung stehen geblieben: Was nach {time} geschrieben wurde, fehlt vielleicht.',
  'The computer stopped without warning: what was written may be missing, though no ban, token or key.':
    'Der Rechner ist ohne Warnung stehen geblieben: Was geschrieben wurde, fehlt vielleicht, aber keine Sperre, kein Token und kein Schlüssel.',
  'The computer stopped without warning: what was written after {time} may be missing, though no ban, token or key.':
    'Der Rechner ist ohne Warnung stehen geblieben: Was nach {time} geschrieben wurde, fehlt vielleicht, aber keine Sperre, kein Token und kein Schlüssel.',
  'What could be read was written anew; the damaged store is kept as {aside}.':
    'Was lesbar war, ist neu geschrieben; der beschädigte Speicher liegt als {aside} daneben.',
  bans: 'Sperren',
  'join code': 'Beitrittscode',
  'join codes': 'Beitrittscodes',
  'held name': 'gehaltener Name',
  'held names': 'gehaltene Namen',
  "setting (admin's token, ticket keys)": 'Einstellung (Token, Schlüssel der Tickets)',
  "settings (admin's token, ticket keys)": 'Einstellungen (Token, Schlüssel der Tickets)',
  'audit entry': 'Eintrag des Prüfprotokolls',
  'audit entries': 'Einträge des Prüfprotokolls',
  'sum of traversals': 'Summe von Durchgängen',
  'sums of traversals': 'Summen von Durchgängen',
  'point of the history': 'Punkt des Verlaufs',
  'points of the history': 'Punkte des Verlaufs',
  'entry of the list': 'Eintrag der Liste',
  'entries of the list': 'Einträge der Liste',
  'key of the masterserver': 'Schlüssel des Masterservers',
  'keys of the masterserver': 'Schlüssel des Masterservers',
  'note of what webhooks told': 'Notiz, was Webhooks gesagt haben',
  'notes of what webhooks told': 'Notizen, was Webhooks gesagt haben',
  'There is no file {source}.': 'Es gibt keine Datei {source}.',
  'There is no store of a masterserver in {stateDir}.': 'In {stateDir} ist kein Speicher eines Masterservers.',
  'Process {lock} is a master with the folder {stateDir}.': 'Prozess {lock} ist ein Master mit dem Ordner {stateDir}.',
  "--stun-port: {local} can't be bound ({why}).": '--stun-port: {local} ist nicht zu binden ({why}).',
  '--every and --with do not go together.': '--every und --with gehen nicht zusammen.',
  '--every {text} is no time like 30s or 5m (5 s at least).':
    '--every {text} ist keine Zeit wie 30s oder 5m (mindestens 5 s).',
  '--pair takes two classes, the client\'s first, like P3,S6; "{text}" is something else.':
    '--pair nimmt zwei Klassen, die des Clients zuerst, wie P3,S6; „{text}“ ist etwas anderes.',
  '--password asks at a terminal, and there is none here: use --password-file.':
    '--password fragt im Terminal, und hier ist keines: nimm --password-file.',
  '--tls-cert and --tls-key belong together.': '--tls-cert und --tls-key gehören zusammen.',
  '--webhooks {path}: {why}': '--webhooks {path}: {why}',
  '--master is missing: the link that "sallyport master" prints.':
    '--master fehlt: der Link, den „sallyport master“ ausgibt.',
  '--secret-file is missing: a copy of relay.secret of the masterserver.':
    '--secret-file fehlt: eine Kopie von relay.secret des Masterservers.',
  '--master: {why}': '--master: {why}',
  '--relay never does without.': '--relay never kommt ohne aus.',
  'The join link is not whole: copy all of it.': 'Der Link ist nicht ganz: kopiere alles davon.',
  'master: {link}': 'Masterserver: {link}',
  'A code is {symbols} of {alphabet}, like K7TQ9-RBWXM; this has {own}.':
    'Ein Code hat {symbols} Zeichen aus {alphabet}, wie K7TQ9-RBWXM; dieser hat {own}.',
  'A code is {symbols} of {alphabet}, like K7TQ9-RBWXM; "{foreign}" is never in one.':
    'Ein Code hat {symbols} Zeichen aus {alphabet}, wie K7TQ9-RBWXM; „{foreign}“ kommt in keinem vor.',
  '--listen takes an IP address of this computer.': '--listen nimmt eine IP-Adresse dieses Rechners.',
  '--listen takes an IP address of this computer, not "{wrong}".':
    '--listen nimmt eine IP-Adresse dieses Rechners, nicht „{wrong}“.',
  'Process {lock} is a master with the folder {stateDir} already.':
    'Prozess {lock} ist schon ein Master mit dem Ordner {stateDir}.',
  direct: 'direkt',
  lan: 'lokal',
  mapped: 'weitergeleitet',
  ipv6: 'IPv6',
  relay: 'Relay',
  known: 'bekannte Adresse',
  window: 'Fenster',
  birthday: 'Geburtstag',
  cross: 'über Kreuz',
  row: 'Reihe',
  lattice: 'Gitter',
  path: 'Weg',
  timeout: 'nicht getroffen',
  aborted: 'abgebrochen',
  'put-off': 'verschoben',
  running: 'läuft',
  asking: 'fragt',
  waiting: 'wartet',
  knocking: 'klopft an',
  queued: 'in der Reihe',
  connected: 'verbunden',
  left: 'gegangen',
  refused: 'abgelehnt',
  up: 'da',
  lost: 'weg',
  connecting: 'sucht',
  resolving: 'sucht',
  networks: 'sieht sich die Netze an',
  punching: 'öffnet den Weg',
  stopped: 'beendet',
  failed: 'gescheitert',
  public: 'öffentlich',
  'port-preserving-cone': 'Cone, Port bleibt',
  'address-sensitive': 'symmetrisch je Adresse',
  'port-sensitive': 'symmetrisch je Port',
  unknown: 'unbekannt',
  open: 'offen',
  moderate: 'mittel',
  strict: 'streng',
  absent: 'lauscht nicht',
  silent: 'still',
  starting: 'startet',
  closed: 'zu',
  // A fleet.
  '--nats-cert and --nats-key belong together.': '--nats-cert und --nats-key gehören zusammen.',
  '--nats and --node belong together: a node of a fleet has a name.':
    '--nats und --node gehören zusammen: ein Knoten einer Flotte hat einen Namen.',
  'Which fleet? Give --nats nats://HOST:PORT, as its nodes have it.':
    'Welche Flotte? --nats nats://HOST:PORT angeben, wie ihre Knoten es haben.',
  'No node of the fleet is called {node}.': 'Kein Knoten der Flotte heißt {node}.',
  '{node} was told: its sessions move, then it ends': '{node} weiß es: seine Sitzungen ziehen um, dann endet er',
  '{node} does not answer, and is out of the list from now on':
    '{node} antwortet nicht und steht ab jetzt nicht mehr in der Liste',
  draining: 'zieht um',
  Drain: 'Abzug',
  Fleet: 'Flotte',
  Nodes: 'Knoten',
  Node: 'Knoten',
  Region: 'Region',
  Sessions: 'Sitzungen',
  Version: 'Version',
  'over {server}': 'über {server}',
  'NATS is away ({why}): joins go on, news of bans and nodes waits':
    'NATS ist fort ({why}): Beitritte gehen weiter, Neues von Sperren und Knoten wartet',
  '{file} (new: the other nodes need it and master.key)':
    '{file} (neu: die anderen Knoten brauchen sie und master.key)',
  'another node is called {node}: give one of them another --node':
    'ein anderer Knoten heißt auch {node}: einem der beiden ein anderes --node geben',
  'this node has been taken out: it ends once its sessions have moved':
    'dieser Knoten wurde herausgenommen: er endet, sobald seine Sitzungen umgezogen sind',
  'the NATS server of a fleet, nats:// or tls://; several are tried in turn':
    'der NATS-Server einer Flotte, nats:// oder tls://; mehrere werden der Reihe nach versucht',
  'credentials for it, as nsc makes them': 'Zugangsdaten dafür, wie nsc sie macht',
  'or the seed of an nkey': 'oder der Seed eines nkey',
  'who signs its certificate': 'wer sein Zertifikat unterschreibt',
  'a certificate to show to it': 'ein Zertifikat, das ihm gezeigt wird',
  'and the key of that': 'und dessen Schlüssel',
  'be a node of the fleet of --nats, by this name, which no other has':
    'ein Knoten der Flotte von --nats sein, mit diesem Namen, den kein anderer hat',
  'where that node is, in a word': 'wo dieser Knoten steht, in einem Wort',
  'look at the nodes of a fleet of masterservers, or take one out':
    'die Knoten einer Flotte von Masterservern ansehen, oder einen herausnehmen',
  '{file} is not there: give the --state-dir of a node of the fleet, or copy its master.key and fleet.secret to a folder.':
    '{file} gibt es nicht: das --state-dir eines Knotens der Flotte angeben, oder dessen master.key und fleet.secret in einen Ordner kopieren.',
  '--node takes 1 to 24 letters, digits, - and _, like eu1, not "{name}".':
    '--node ist 1 bis 24 Buchstaben, Ziffern, - und _, wie eu1, nicht „{name}“.',
  '--region takes 24 bytes at most.': '--region hat höchstens 24 Bytes.',
  '--nats takes nats://HOST:PORT or tls://HOST:PORT, not "{url}".':
    '--nats ist nats://HOST:PORT oder tls://HOST:PORT, nicht „{url}“.',
  '--nats needs the package @nats-io/transport-node, which is not installed: npm install @nats-io/transport-node@3.3':
    '--nats braucht das Paket @nats-io/transport-node, das nicht installiert ist: npm install @nats-io/transport-node@3.3',
  "{flag} {path} can't be read: {why}.": '{flag} {path} ist nicht zu lesen: {why}.',
} as const satisfies Readonly<Record<string, string>>;
