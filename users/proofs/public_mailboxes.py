"""Domains under which anybody can have a mailbox: none of them is an account's own, whatever its records say.

Their names alone, not what ends with them. A provider's business customers have domains of their own.
"""

from __future__ import annotations

_NAMES = """
126.com 139.com 163.com 189.cn 21cn.com abv.bg aim.com alice.it aliyun.com anonaddy.com aol.co.uk aol.com aol.de
aol.fr arcor.de att.net bell.net bellsouth.net bigpond.com bigpond.net.au bk.ru bluewin.ch blueyonder.co.uk
bol.com.br btinternet.com centrum.cz charter.net club-internet.fr comcast.net cox.net daum.net disroot.org duck.com
earthlink.net eircom.net email.com email.cz fastmail.com fastmail.fm free.fr freenet.de frontier.com gmail.com
gmx.at gmx.ch gmx.com gmx.de gmx.fr gmx.net gmx.org googlemail.com hanmail.net hey.com hotmail.ch hotmail.co.jp
hotmail.co.uk hotmail.com hotmail.com.br hotmail.de hotmail.es hotmail.fr hotmail.it hotmail.nl hushmail.com
icloud.com iinet.net.au inbox.lv inbox.ru interia.pl juno.com keemail.me laposte.net libero.it list.ru live.ca
live.cn live.co.uk live.com live.com.au live.de live.fr live.it live.nl lycos.com mac.com mail.bg mail.com mail.de
mail.ee mail.ru mailbox.org mailfence.com mailinator.com me.com mozmail.com msn.com mweb.co.za naver.com neuf.fr
ntlworld.com o2.pl o2online.de onet.pl online.de online.no op.pl optonline.net optusnet.com.au orange.fr outlook.at
outlook.com outlook.com.br outlook.de outlook.es outlook.fr outlook.it outlook.jp passport.com pm.me posteo.de
posteo.net proton.me protonmail.ch protonmail.com qq.com rambler.ru rediffmail.com riseup.net rocketmail.com
rogers.com runbox.com sapo.pt sbcglobal.net seznam.cz sfr.fr shaw.ca simplelogin.com sina.cn sina.com skynet.be
sohu.com startmail.com sympatico.ca t-online.de talktalk.net telenet.be telus.net terra.com.br tin.it tiscali.it
tuta.com tuta.io tutamail.com tutanota.com tutanota.de ukr.net uol.com.br ureach.com verizon.net virgilio.it
virginmedia.com vodafone.de wanadoo.fr web.de wp.pl xs4all.nl xtra.co.nz ya.ru yahoo.ca yahoo.co.in yahoo.co.jp
yahoo.co.uk yahoo.com yahoo.com.ar yahoo.com.au yahoo.com.br yahoo.de yahoo.es yahoo.fr yahoo.gr yahoo.in yahoo.it
yandex.com yandex.ru yeah.net ymail.com zoho.com zohomail.com
"""

PUBLIC_MAILBOX_DOMAINS = frozenset(_NAMES.split())
