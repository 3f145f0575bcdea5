import type { Words } from './en.ts'

export const ru: Words = {
  help: `restante: почта приходит по SMTP, проверяется, хранится и выдаётся по POP3

  restante serve [receiver|pop3d|learner]   запустить всё (или одну роль), настройки в restante.yaml
  restante dev                              весь стек на свободных портах, для разработчиков
  restante account add|list|remove|password учётные записи
  restante account devices|quota|erase|export кто забирает почту; пределы; уход
  restante domain add|list|remove           чью почту принимаем
  restante alias add|list|remove            другие имена адресов
  restante deliver --to АДРЕС ФАЙЛ…         положить письма в хранилище
  restante mail dump --account АДРЕС        все хранимые письма
  restante mail list|find|undelete          что хранится; вернуть удалённое
  restante quarantine list|show|release|delete задержанная почта
  restante learn ham|spam ФАЙЛ|ПАПКА|mbox   обучить фильтр спама
  restante explain ФАЙЛ|ID                  почему письмо оценено именно так
  restante store verify|compact|stats|…     проверить, освободить место, посчитать, починить
  restante backup create|verify|restore DIR проверенные резервные копии
  restante upgrade --check                  что сделает новая версия
  restante send-test АДРЕС                  отправить проверочное письмо по SMTP
  restante config check|show                настройки с пояснениями
  restante reload                           применить новые настройки и сертификаты
  restante throttle list|clear [ADDRESS]    кто ждёт после неверных паролей

Каждая команда понимает --data ПАПКА и --config ФАЙЛ; --json — вывод для программ.`,
  unknownCommand: (name, close) =>
    `Неизвестная команда «${name}».${close === null ? '' : ` Может быть, «${close}»?`} Список: restante help`,
  ready: 'Restante готов к работе.',
  stopHint: 'Ctrl-C — остановить',
  stopping: 'Остановка: завершаем начатое…',
  mailIn: 'приём почты',
  mailOut: 'выдача почты',
  inTls: 'внутри TLS',
  data: 'Данные',
  temporary: 'удалятся в конце',
  account: 'Учётная запись',
  password: 'пароль',
  shownOnce: 'показывается только один раз',
  tryIt: 'Попробуйте',
  config: 'Настройки',
  selfSigned:
    'Сертификат самоподписанный: почтовая программа спросит один раз. Свой укажите в разделе tls: настроек.',
  portInUse: (address, where) => `${address} занят другой программой. Выберите другой порт: ${where}`,
  portForbidden: (address, key) =>
    `Для ${address} не хватает прав. Выберите порт выше 1023 (${key}) или дайте право: setcap cap_net_bind_service=+ep $(command -v node)`,
  alreadyRunning: (pid, directory) => `Уже работает с ${directory} (процесс ${pid}).`,
}
