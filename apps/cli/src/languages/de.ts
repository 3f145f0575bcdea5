import type { Words } from './en.ts'

export const de: Words = {
  help: `restante: Post kommt per SMTP, wird geprüft, aufbewahrt und per POP3 ausgehändigt

  restante serve [receiver|pop3d|learner]   alles (oder eine Rolle) starten, nach restante.yaml
  restante dev                              der ganze Stapel auf freien Ports, für Entwickler
  restante account add|list|remove|password Konten
  restante account devices|quota|erase|export wer abholt; Grenzen; Abschied
  restante domain add|list|remove           wessen Post angenommen wird
  restante alias add|list|remove            weitere Namen für Adressen
  restante deliver --to ADRESSE DATEI…      Nachrichten einlegen
  restante mail dump --account ADRESSE      alle aufbewahrten Nachrichten
  restante mail list|find|undelete          was aufbewahrt ist; Gelöschtes kommt zurück
  restante quarantine list|show|release|delete zurückgehaltene Post
  restante learn ham|spam DATEI|ORDNER|mbox den Spamfilter lehren
  restante explain DATEI|ID                 warum eine Nachricht so beurteilt wurde
  restante store verify|compact|stats|…     prüfen, Platz freigeben, zählen, reparieren
  restante backup create|verify|restore DIR Sicherungen, die sich bewährt haben
  restante upgrade --check                  was eine neue Version täte
  restante send-test ADRESSE                eine Testnachricht per SMTP senden
  restante config check|show                die Einstellungen, erklärt
  restante reload                           geänderte Einstellungen und Zertifikate übernehmen
  restante throttle list|clear [ADDRESS]    wer nach falschen Passwörtern warten muss

Jeder Befehl nimmt --data ORDNER oder --config DATEI; --json für Programme.`,
  unknownCommand: (name, close) =>
    `Unbekannter Befehl „${name}“.${close === null ? '' : ` Meinten Sie „${close}“?`} Siehe: restante help`,
  ready: 'Restante ist bereit.',
  stopHint: 'Strg-C beendet',
  stopping: 'Beenden: Begonnenes wird fertiggestellt…',
  mailIn: 'Posteingang',
  mailOut: 'Abholung',
  inTls: 'in TLS',
  data: 'Daten',
  temporary: 'am Ende gelöscht',
  account: 'Konto',
  password: 'Passwort',
  shownOnce: 'nur dieses eine Mal gezeigt',
  tryIt: 'Ausprobieren',
  config: 'Einstellungen',
  selfSigned:
    'Das Zertifikat ist selbstsigniert: Programme fragen einmal nach. Ein eigenes gehört unter tls: in die Einstellungen.',
  portInUse: (address, where) =>
    `${address} ist von einem anderen Programm belegt. Anderen Port wählen: ${where}`,
  portForbidden: (address, key) =>
    `${address} braucht mehr Rechte. Einen Port über 1023 wählen (${key}) oder erlauben: setcap cap_net_bind_service=+ep $(command -v node)`,
  alreadyRunning: (pid, directory) => `Läuft schon auf ${directory} (Prozess ${pid}).`,
}
