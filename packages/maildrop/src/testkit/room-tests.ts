import { describe, expect } from 'vitest'
import { StoreError } from '../store-error.ts'
import { ADMIN, type Fixture, type MakeStore, message, orderFor, testsOn } from './fixture.ts'

/** Fills a store of little room to the floor. */
async function fill(
  fixture: Fixture,
): Promise<{ readonly anna: { readonly id: string }; readonly ids: string[] }> {
  const anna = await fixture.account()
  const ids: string[] = []
  for (let i = 0; i < 1000; i++) {
    try {
      ids.push(await fixture.deliver(anna, message(`${i}`, 'x'.repeat(60_000))))
    } catch (error) {
      expect(error).toBeInstanceOf(StoreError)
      expect(error).toMatchObject({ code: 'disk-full' })
      expect(ids.length, 'messages taken before it was full').toBeGreaterThan(0)
      return { anna, ids }
    }
  }
  throw new Error('the small store took 60 MB; it must have room for about 1 MB')
}

/** What a store does below its free-space floor. `makeSmallStore` makes one with room for about 1 MB. */
export function roomTests(makeSmallStore: MakeStore): void {
  const test = testsOn(makeSmallStore)

  describe('below the free-space floor', () => {
    test('deliveries are refused and nothing acknowledged is lost', async (fixture) => {
      const { anna, ids } = await fill(fixture)
      expect(fixture.store.hasRoomFor(60_000)).toBe(false)
      const refused = fixture.stage(message('no', 'x'.repeat(60_000))).then(async (staged) => {
        await staged.commit(fixture.envelope(), [orderFor(anna)])
      })
      await expect(refused).rejects.toMatchObject({ code: 'disk-full' })
      expect(await fixture.ids(anna)).toEqual(ids)
      expect(await fixture.texts(anna)).toEqual(ids.map((_, i) => message(`${i}`, 'x'.repeat(60_000))))
    })

    test('deletions, discards and moves still fit', async (fixture) => {
      const { anna, ids } = await fill(fixture)
      await fixture.dele(anna, [ids[0]!])
      expect(await fixture.store.move(ids[1]!, 'lists', ADMIN)).toHaveProperty('moved')
      expect(await fixture.store.discard(ids[2]!, ADMIN)).toBe(true)
      expect(await fixture.ids(anna)).toEqual(ids.slice(3))
    })

    test('a source is not read to its end when it cannot be kept', async (fixture) => {
      let given = 0
      let ended = false
      const endless = async function* () {
        try {
          for (; given < 1000; given++) yield new Uint8Array(65_536).fill(0x78)
        } finally {
          ended = true
        }
      }
      await expect(fixture.stage(endless())).rejects.toMatchObject({ code: 'disk-full' })
      expect(given).toBeLessThan(1000)
      expect(ended, 'the source was told to stop').toBe(true)
      await fixture.deliver(await fixture.account(), message('small'))
    })
  })
}
