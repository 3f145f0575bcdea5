import type { Words } from './en.ts'

export const fr: Words = {
  help: `restante : le courrier arrive par SMTP, est jugé, gardé, puis remis par POP3

  restante serve [receiver|pop3d|learner]   tout lancer (ou un rôle), réglages dans restante.yaml
  restante dev                              toute la pile sur des ports libres, pour développeurs
  restante account add|list|remove|password les comptes
  restante account devices|quota|erase|export qui relève le courrier ; limites ; départ
  restante domain add|list|remove           pour qui le courrier est pris
  restante alias add|list|remove            d’autres noms pour des adresses
  restante deliver --to ADRESSE FICHIER…    déposer des messages
  restante mail dump --account ADRESSE      tous les messages gardés
  restante mail list|find|undelete          ce qui est gardé ; le supprimé revient
  restante quarantine list|show|release|delete le courrier retenu
  restante learn ham|spam FICHIER|DOSSIER|mbox  instruire le filtre antispam
  restante explain FICHIER|ID               pourquoi un message a été jugé ainsi
  restante store verify|compact|stats|…     vérifier, libérer, compter, réparer
  restante backup create|verify|restore DIR des sauvegardes éprouvées
  restante upgrade --check                  ce que ferait une nouvelle version
  restante send-test ADRESSE                envoyer un message d’essai par SMTP
  restante config check|show                les réglages, expliqués
  restante reload                           reprendre réglages et certificats modifiés
  restante throttle list|clear [ADDRESS]    qui doit attendre après de mauvais mots de passe

Chaque commande accepte --data DOSSIER ou --config FICHIER ; --json pour les programmes.`,
  unknownCommand: (name, close) =>
    `Commande inconnue « ${name} ».${close === null ? '' : ` Vouliez-vous dire « ${close} » ?`} Voir : restante help`,
  ready: 'Restante est prêt.',
  stopHint: 'Ctrl-C pour arrêter',
  stopping: 'Arrêt : on termine ce qui est commencé…',
  mailIn: 'courrier entrant',
  mailOut: 'retrait du courrier',
  inTls: 'dans TLS',
  data: 'Données',
  temporary: 'supprimées à la fin',
  account: 'Compte',
  password: 'mot de passe',
  shownOnce: 'affiché cette seule fois',
  tryIt: 'Essayez',
  config: 'Réglages',
  selfSigned:
    'Le certificat est auto-signé : les clients demanderont une fois. Le vôtre se met sous tls: dans les réglages.',
  portInUse: (address, where) =>
    `${address} est occupé par un autre programme. Choisissez un autre port : ${where}`,
  portForbidden: (address, key) =>
    `${address} demande plus de droits. Choisissez un port au-dessus de 1023 avec ${key}, ou accordez-le : setcap cap_net_bind_service=+ep $(command -v node)`,
  alreadyRunning: (pid, directory) => `Déjà en marche sur ${directory} (processus ${pid}).`,
}
