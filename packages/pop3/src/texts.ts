/** A language of the human-readable part of replies (RFC 6856 §3). */
export type Language = 'en' | 'ru' | 'fr' | 'de'

/** Every language, by its own name, in the order LANG lists them. */
export const LANGUAGES: { readonly [language in Language]: string } = {
  en: 'English',
  ru: 'Русский',
  fr: 'Français',
  de: 'Deutsch',
}

type Row = readonly [en: string, ru: string, fr: string, de: string]

const ROWS: { readonly [id in TextId]: Row } = {
  ready: ['POP3 ready', 'POP3 готов', 'POP3 prêt', 'POP3 bereit'],
  goodbye: ['Goodbye', 'До свидания', 'Au revoir', 'Auf Wiedersehen'],
  'name-accepted': [
    'Name accepted, send PASS',
    'Имя принято, пришлите PASS',
    'Nom accepté, envoyez PASS',
    'Name angenommen, bitte PASS senden',
  ],
  'logged-in': ['Maildrop open', 'Почтовый ящик открыт', 'Boîte aux lettres ouverte', 'Postfach ist offen'],
  messages: [
    '{n} messages ({octets} octets)',
    'сообщений: {n} (октетов: {octets})',
    '{n} messages ({octets} octets)',
    '{n} Nachrichten ({octets} Oktette)',
  ],
  octets: ['{n} octets', 'октетов: {n}', '{n} octets', '{n} Oktette'],
  'unique-ids': [
    'Unique-ids follow',
    'Далее уникальные идентификаторы',
    'Identifiants uniques',
    'Eindeutige Kennungen folgen',
  ],
  'top-follows': [
    'Top of message follows',
    'Далее начало сообщения',
    'Début du message',
    'Anfang der Nachricht folgt',
  ],
  marked: [
    'Message {n} marked for deletion',
    'Сообщение {n} помечено для удаления',
    'Message {n} marqué pour suppression',
    'Nachricht {n} zum Löschen vorgemerkt',
  ],
  unmarked: ['Marks removed', 'Пометки сняты', 'Marques retirées', 'Vormerkungen aufgehoben'],
  alive: ['Still here', 'На связи', 'Toujours là', 'Noch da'],
  capabilities: [
    'Capability list follows',
    'Далее список возможностей',
    'Liste des capacités',
    'Liste der Fähigkeiten folgt',
  ],
  mechanisms: [
    'SASL mechanisms follow',
    'Далее механизмы SASL',
    'Mécanismes SASL',
    'SASL-Mechanismen folgen',
  ],
  'begin-tls': [
    'Begin TLS negotiation',
    'Начинайте согласование TLS',
    'Commencez la négociation TLS',
    'TLS-Aushandlung beginnen',
  ],
  'utf8-on': ['UTF8 enabled', 'UTF8 включён', 'UTF8 activé', 'UTF8 eingeschaltet'],
  languages: ['Languages follow', 'Далее список языков', 'Liste des langues', 'Sprachen folgen'],
  'language-set': ['Language changed', 'Язык изменён', 'Langue changée', 'Sprache geändert'],
  'xclient-set': [
    'Client attributes taken',
    'Сведения о клиенте приняты',
    'Attributs du client pris en compte',
    'Angaben zum Client übernommen',
  ],
  'deletions-done': [
    'Goodbye, {n} messages deleted',
    'До свидания, удалено сообщений: {n}',
    'Au revoir, {n} messages supprimés',
    'Auf Wiedersehen, {n} Nachrichten gelöscht',
  ],
  'unknown-command': ['Unknown command', 'Неизвестная команда', 'Commande inconnue', 'Unbekannter Befehl'],
  'bad-argument': [
    'Argument is not valid here',
    'Недопустимый аргумент',
    'Argument non valide',
    'Argument ist hier nicht gültig',
  ],
  'missing-argument': ['Argument is missing', 'Не хватает аргумента', 'Argument manquant', 'Argument fehlt'],
  'bad-octets': [
    'NUL or bare CR in a command',
    'NUL или одиночный CR в команде',
    'NUL ou CR isolé dans une commande',
    'NUL oder einzelnes CR im Befehl',
  ],
  'bad-text': [
    'Argument is not valid UTF-8',
    'Аргумент не в UTF-8',
    "L'argument n'est pas en UTF-8",
    'Argument ist kein gültiges UTF-8',
  ],
  'bare-lf': [
    'End lines with CRLF',
    'Заканчивайте строки CRLF',
    'Terminez les lignes par CRLF',
    'Zeilen mit CRLF beenden',
  ],
  'line-too-long': ['Line too long', 'Слишком длинная строка', 'Ligne trop longue', 'Zeile zu lang'],
  'log-in-first': ['Log in first', 'Сначала войдите', "Authentifiez-vous d'abord", 'Bitte zuerst anmelden'],
  'logged-in-already': ['Already logged in', 'Вход уже выполнен', 'Déjà authentifié', 'Bereits angemeldet'],
  'user-first': [
    'Send USER first',
    'Сначала пришлите USER',
    "Envoyez d'abord USER",
    'Bitte zuerst USER senden',
  ],
  'tls-first': [
    'Passwords only under TLS; use STLS or the TLS port',
    'Пароли только под TLS: STLS или порт с TLS',
    'Mots de passe sous TLS seulement : STLS ou port TLS',
    'Passwörter nur unter TLS: STLS oder TLS-Port',
  ],
  'tls-already': ['TLS is already active', 'TLS уже включён', 'TLS est déjà actif', 'TLS ist bereits aktiv'],
  'no-tls': ['TLS is not available', 'TLS недоступен', "TLS n'est pas disponible", 'TLS ist nicht verfügbar'],
  'no-message': ['No such message', 'Нет такого сообщения', 'Message inexistant', 'Keine solche Nachricht'],
  'is-deleted': [
    'Message {n} is marked for deletion',
    'Сообщение {n} помечено для удаления',
    'Le message {n} est marqué pour suppression',
    'Nachricht {n} ist zum Löschen vorgemerkt',
  ],
  'read-only': [
    'This maildrop cannot be changed',
    'Этот ящик нельзя изменять',
    'Cette boîte ne peut pas être modifiée',
    'Dieses Postfach ist schreibgeschützt',
  ],
  'unknown-mechanism': [
    'Unknown mechanism',
    'Неизвестный механизм',
    'Mécanisme inconnu',
    'Unbekannter Mechanismus',
  ],
  'bad-base64': ['Not valid base64', 'Неверный base64', 'Base64 non valide', 'Kein gültiges Base64'],
  'bad-exchange': [
    'Malformed SASL message',
    'Неверное сообщение SASL',
    'Message SASL mal formé',
    'Fehlerhafte SASL-Nachricht',
  ],
  cancelled: [
    'Authentication cancelled',
    'Вход отменён',
    'Authentification annulée',
    'Anmeldung abgebrochen',
  ],
  'auth-failed': [
    'Name or password is wrong',
    'Неверное имя или пароль',
    'Nom ou mot de passe incorrect',
    'Name oder Passwort ist falsch',
  ],
  'sys-temp': [
    'Temporary trouble here, try again later',
    'Временные неполадки, попробуйте позже',
    'Problème temporaire, réessayez plus tard',
    'Vorübergehende Störung, bitte später erneut versuchen',
  ],
  'sys-perm': [
    'Not possible; ask the administrator',
    'Невозможно; обратитесь к администратору',
    "Impossible ; demandez à l'administrateur",
    'Nicht möglich; bitte an die Verwaltung wenden',
  ],
  'in-use': [
    'Maildrop is in use by another session',
    'Ящик занят другим сеансом',
    'Boîte utilisée par une autre session',
    'Postfach wird von einer anderen Sitzung benutzt',
  ],
  'login-delay': [
    'Too soon after the last login, wait a little',
    'Слишком рано после прошлого входа, подождите',
    'Trop tôt après la dernière connexion, patientez',
    'Zu früh nach der letzten Anmeldung, bitte warten',
  ],
  'not-deleted': [
    'Nothing was deleted',
    'Ничего не удалено',
    "Rien n'a été supprimé",
    'Nichts wurde gelöscht',
  ],
  'needs-utf8': [
    'Message has UTF-8 header fields; issue UTF8 first',
    'В заголовке сообщения UTF-8; сначала UTF8',
    "En-têtes en UTF-8 ; envoyez d'abord UTF8",
    'Nachricht hat UTF-8-Kopfzeilen; bitte zuerst UTF8',
  ],
  'unknown-language': ['Unknown language', 'Неизвестный язык', 'Langue inconnue', 'Unbekannte Sprache'],
  'too-many-errors': [
    'Too many errors, closing',
    'Слишком много ошибок, конец связи',
    "Trop d'erreurs, fin de session",
    'Zu viele Fehler, Verbindung wird beendet',
  ],
  'no-http': [
    'This is not a web server',
    'Это не веб-сервер',
    "Ceci n'est pas un serveur web",
    'Dies ist kein Webserver',
  ],
}

/** The id of a text, stable over releases and languages. */
export type TextId =
  | 'ready'
  | 'goodbye'
  | 'name-accepted'
  | 'logged-in'
  | 'messages'
  | 'octets'
  | 'unique-ids'
  | 'top-follows'
  | 'marked'
  | 'unmarked'
  | 'alive'
  | 'capabilities'
  | 'mechanisms'
  | 'begin-tls'
  | 'utf8-on'
  | 'languages'
  | 'language-set'
  | 'xclient-set'
  | 'deletions-done'
  | 'unknown-command'
  | 'bad-argument'
  | 'missing-argument'
  | 'bad-octets'
  | 'bad-text'
  | 'bare-lf'
  | 'line-too-long'
  | 'log-in-first'
  | 'logged-in-already'
  | 'user-first'
  | 'tls-first'
  | 'tls-already'
  | 'no-tls'
  | 'no-message'
  | 'is-deleted'
  | 'read-only'
  | 'unknown-mechanism'
  | 'bad-base64'
  | 'bad-exchange'
  | 'cancelled'
  | 'auth-failed'
  | 'sys-temp'
  | 'sys-perm'
  | 'in-use'
  | 'login-delay'
  | 'not-deleted'
  | 'needs-utf8'
  | 'unknown-language'
  | 'too-many-errors'
  | 'no-http'

const COLUMNS: { readonly [language in Language]: 0 | 1 | 2 | 3 } = { en: 0, ru: 1, fr: 2, de: 3 }

/** A text in a language, `{places}` unfilled. */
export function textFor(id: TextId, language: Language): string {
  return ROWS[id][COLUMNS[language]]
}

/** All text ids (for tests and translators). */
export const TEXT_IDS: readonly TextId[] = Object.keys(ROWS) as TextId[]

/** The language that fits a language tag best (`de-AT` -> `de`), or null (RFC 4647 §3.4 lookup). */
export function languageFor(tag: string): Language | null {
  const primary = tag.toLowerCase()
  if (primary === '*' || primary === 'i-default') return 'en'
  if (!/^[a-z]{1,8}(?:-[a-z0-9]{1,8})*$/.test(primary)) return null
  const language = primary.split('-')[0] as string
  return Object.hasOwn(LANGUAGES, language) ? (language as Language) : null
}
