"""The sample library's written files."""

NOTES = """\
# Keepers' notes

Kept in the kitchen drawer. Add yours at the end of a stay and sign with your initials.

## The crossing

The *Marigold* leaves the old slip two hours before high water. With any swell from the
south-east, wait: the landing is a ladder, and the ladder is worse than it looks. Bring one bag,
soft, that you can throw. Eggs travel inside the bread and the bread inside your coat. The skipper
speaks when it is going badly and sings when it is going well, so hope for singing. Pay her
nothing; she would be hurt. A jar of something will do. (IC)

## People

Most of those who leave us say the same thing: the first February was simply too long and too
cold, and nobody had warned them. So warn them. A new keeper should have company for a month, the
bunk by the stove, and a say in what is cooked. The ones who stay are not the strongest. They are
the ones who were asked back by name. (MQ)

## The lamp

Wind the clockwork at dusk and again at one in the morning. It runs for seven hours on a full
wind, not eight, whatever the brass plate says. Keep cotton gloves in the watch room; a thumb
print on the lens throws a shadow two miles wide. Since we began dimming the gallery lights in
migration weeks, hardly a tern has struck the panes. Please do not brighten them again because the
stairs are gloomy. Take a torch. (BT)

## Water and bread

The cistern is sweet again after the relining, but run the tap until it is clear. Flour keeps in
the tin trunk and nowhere else: the mice have had six winters to learn every other place. Leave
the starter fed; it is older than the compressor and in better health. Feed it at six with the
wireless on. It may not like the shipping forecast, but it has never risen without. (MQ)

## Fog

When you can no longer see the Cat's Teeth, sound the signal: three blasts, then ninety seconds
of quiet. Log the first and the last. Stay off the gallery while it speaks. Anyone who sleeps
through it has a gift and should be kept on. (BT)
"""

NIGHT_WATCH = """\
NIGHT WATCH, 14 SEPTEMBER 2024

Lantern Night on the mainland, so every window in Port Aldery was lit and we could count them.
Forty-one boats came round the point after dark and cut their engines under the tower. Somebody
played a fiddle, badly and then well.

At ten I opened the shutters on the landward side, which we never do, and let the beam go once
over the town. The children had been promised it. We heard the shout from here, four miles over
the water, a little late, like thunder.

02:10. Wind backing north. A trawler without lights, heading for the Teeth. I used the hand lamp,
five short, and she turned. No name that I could read.

05:30. First grey. Put the kettle on before the others woke and wrote this. If anybody asks what
we do out here, it is mostly this: stay awake so that other people need not.

I. C.
"""

VISITING = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Visiting Skerrin Light</title>
<style>body { font-family: serif; max-width: 40em; margin: 2em auto; }</style>
</head>
<body>
<nav><a href="#">Home</a> <a href="#">Visiting</a> <a href="#">Help us</a></nav>
<h1>Visiting Skerrin Light</h1>
<p>The tower is open from the first of May to the last Sunday of September, weather allowing. There
are 172 steps and no lift; the view from the gallery reaches eighteen miles on a clear day.</p>
<h2>Getting here</h2>
<p>The <em>Marigold</em> carries twelve passengers and sails from the old slip in Port Aldery. The
crossing takes 50&nbsp;minutes. Book a day ahead; if the sea says no, we return the fare.</p>
<table>
<tr><th>Day</th><th>Out</th><th>Back</th></tr>
<tr><td>Tuesday</td><td>09:30</td><td>13:15</td></tr>
<tr><td>Thursday</td><td>10:45</td><td>14:30</td></tr>
<tr><td>Saturday</td><td>09:00</td><td>16:00</td></tr>
</table>
<h2>Tickets</h2>
<p>Adults pay 24, children under twelve 9, including the boat. Members of the trust sail free, twice
a year.</p>
<h2>Dogs</h2>
<p>Dogs are welcome on the lower rocks outside nesting time, from August on, and never in the
tower. Ours is called Bosun and he will pretend otherwise.</p>
</body>
</html>
"""

LOG = """\
          SKERRIN LIGHT STATION

   LOG OF THE KEEPER      DECEMBER 1962
   ------------------------------------

   9 DEC   Wind SW 5, clear. Lamp lit 1602.
           Stores landed: coal, oil, flour.

   10 DEC  Glass falling all day. Wind
           backing SE, 7 by midnight. Fog
           signal tried and found good.

   11 DEC  Wind SE 10, snow. At 0340 the
           steamer HALCYON BRAE, with 214
           tons of slate for Port Aldery,
           ran aground on the Cat's Teeth.
           Fired two rockets.

           Seven men and a dog taken off by
           the Marigold at first light. No
           life lost. The dog will not
           leave the kitchen.

   12 DEC  Wind falling. Slate on every
           beach from here to Sorrel Head.
           Gallery rail bent, two panes
           gone on the weather side. Wrote
           to the Board for glass.

                    E. Pellwether, Keeper
"""
