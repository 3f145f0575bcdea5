import { describe, expect, it } from 'vitest'
import { createModel, extractFeatures } from '../src/index.ts'
import { mailOf } from './support.ts'

interface Phrases {
  readonly ham: readonly string[]
  readonly spam: readonly string[]
  /** Not among the learned ones. */
  readonly newHam: string
  readonly newSpam: string
}

/** Own sentences; each class says the same kinds of things in other words. */
const LANGUAGES: Readonly<Record<string, Phrases>> = {
  en: {
    ham: [
      'the meeting moved to Tuesday morning',
      'please review the attached report before lunch',
      'thanks for dinner, see you at the station',
    ],
    spam: [
      'you won a prize, claim your money now',
      'cheap pills without prescription, order today',
      'urgent: confirm your bank account to avoid closure',
    ],
    newHam: 'thanks, I will review the report on Tuesday',
    newSpam: 'claim your prize money today and confirm your account',
  },
  de: {
    ham: [
      'die Besprechung ist auf Dienstag verschoben',
      'bitte prüfe den Bericht vor dem Mittagessen',
      'danke für das Abendessen, bis zum Bahnhof',
    ],
    spam: [
      'Sie haben einen Preis gewonnen, jetzt Geld abholen',
      'billige Tabletten ohne Rezept, heute bestellen',
      'dringend: bestätigen Sie Ihr Bankkonto sofort',
    ],
    newHam: 'danke, ich prüfe den Bericht am Dienstag',
    newSpam: 'jetzt Preis gewonnen, Geld abholen und Bankkonto bestätigen',
  },
  fr: {
    ham: [
      'la réunion est reportée à mardi matin',
      'merci de relire le rapport avant le déjeuner',
      'merci pour le dîner, à bientôt à la gare',
    ],
    spam: [
      'vous avez gagné un prix, réclamez votre argent',
      'pilules pas chères sans ordonnance, commandez',
      'urgent : confirmez votre compte bancaire',
    ],
    newHam: 'je relis le rapport mardi, merci pour la réunion',
    newSpam: 'réclamez votre prix, confirmez votre compte, argent gagné',
  },
  es: {
    ham: [
      'la reunión se pasó al martes por la mañana',
      'revisa el informe adjunto antes de comer',
      'gracias por la cena, nos vemos en la estación',
    ],
    spam: [
      'ha ganado un premio, reclame su dinero ahora',
      'pastillas baratas sin receta, pida hoy',
      'urgente: confirme su cuenta bancaria',
    ],
    newHam: 'gracias, reviso el informe el martes en la reunión',
    newSpam: 'reclame su premio y confirme su cuenta, dinero ganado',
  },
  ru: {
    ham: [
      'встреча перенесена на вторник утром',
      'посмотри, пожалуйста, отчёт до обеда',
      'спасибо за ужин, увидимся на вокзале',
    ],
    spam: [
      'вы выиграли приз, заберите деньги сейчас',
      'дешёвые таблетки без рецепта, закажите сегодня',
      'срочно: подтвердите банковский счёт',
    ],
    newHam: 'спасибо, посмотри отчёт к встрече во вторник',
    newSpam: 'заберите приз и деньги, подтвердите счёт сегодня',
  },
  zh: {
    ham: ['会议改到星期二上午举行', '请在午饭前看一下附件里的报告', '谢谢你的晚饭，车站见'],
    spam: ['恭喜您中奖了，请立即领取奖金', '免费代开发票，价格优惠请联系', '紧急：请确认您的银行账户'],
    newHam: '谢谢，星期二会议前我看报告',
    newSpam: '请立即确认银行账户领取奖金，代开发票',
  },
  ja: {
    ham: [
      '会議は火曜日の午前に変更されました',
      '昼食の前に報告書を確認してください',
      '夕食をありがとう、駅で会いましょう',
    ],
    spam: [
      '当選おめでとうございます、今すぐ賞金を',
      '格安の薬を処方箋なしで本日注文',
      '緊急：銀行口座を確認しないと停止されます',
    ],
    newHam: '火曜日の会議の報告書をありがとう',
    newSpam: '今すぐ銀行口座を確認して賞金を受け取る、当選',
  },
  ar: {
    ham: [
      'تم نقل الاجتماع إلى صباح الثلاثاء',
      'يرجى مراجعة التقرير المرفق قبل الغداء',
      'شكرا على العشاء نراك في المحطة',
    ],
    spam: [
      'لقد ربحت جائزة اطلب أموالك الآن',
      'حبوب رخيصة بدون وصفة اطلب اليوم',
      'عاجل أكد حسابك المصرفي لتجنب الإغلاق',
    ],
    newHam: 'شكرا سوف مراجعة التقرير قبل الاجتماع الثلاثاء',
    newSpam: 'أكد حسابك الآن و اطلب أموالك لقد ربحت جائزة',
  },
}

describe.each(Object.entries(LANGUAGES))('mail in %s', (language, { ham, spam, newHam, newSpam }) => {
  it('is told apart after a few lessons', () => {
    const model = createModel()
    for (let round = 0; round < 5; round++) {
      for (let i = 0; i < 3; i++) {
        model.learn(
          extractFeatures(mailOf(`${ham[i]}`, `${ham[i]} ${ham[(i + round) % 3]}`, { language })),
          'ham',
        )
        model.learn(
          extractFeatures(mailOf(`${spam[i]}`, `${spam[i]} ${spam[(i + round) % 3]}`, { language })),
          'spam',
        )
      }
    }
    const good = model.classify(extractFeatures(mailOf(newHam, newHam, { language })))
    const bad = model.classify(extractFeatures(mailOf(newSpam, newSpam, { language })))
    expect(bad.probability).toBeGreaterThan(0.7)
    expect(good.probability).toBeLessThan(0.5)
    expect(bad.evidence.length).toBeGreaterThan(0)
  })
})
