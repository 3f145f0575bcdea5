throw new Error('stillborn')
