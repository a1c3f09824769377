CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
CREATE TABLE chat (
	id SERIAL NOT NULL, 
	platform TEXT NOT NULL, 
	chat TEXT NOT NULL, 
	thread TEXT NOT NULL, 
	place TEXT NOT NULL, 
	title TEXT NOT NULL, 
	language TEXT NOT NULL, 
	timezone TEXT NOT NULL, 
	time TIME WITHOUT TIME ZONE NOT NULL, 
	days JSON NOT NULL, 
	layout TEXT NOT NULL, 
	size INTEGER NOT NULL, 
	wants JSON NOT NULL, 
	empty_day TEXT NOT NULL, 
	seen INTEGER NOT NULL, 
	due_at TIMESTAMP WITH TIME ZONE, 
	state TEXT NOT NULL, 
	why TEXT NOT NULL, 
	admitted BOOLEAN NOT NULL, 
	PRIMARY KEY (id), 
	CONSTRAINT ck_empty_day CHECK (empty_day IN ('say', 'silent')), 
	CONSTRAINT ck_layout CHECK (layout IN ('brief', 'plain')), 
	CONSTRAINT ck_place CHECK (place IN ('private', 'group', 'channel')), 
	CONSTRAINT ck_state CHECK (state IN ('active', 'stopped', 'unreachable')), 
	CONSTRAINT ck_size CHECK (size > 0), 
	CONSTRAINT uq_chat_address UNIQUE (platform, chat, thread)
);
CREATE INDEX ix_chat_due_at ON chat (due_at);
CREATE TABLE feed (
	category TEXT NOT NULL, 
	state TEXT NOT NULL, 
	since_at TIMESTAMP WITH TIME ZONE, 
	checked_at TIMESTAMP WITH TIME ZONE, 
	fresh_at TIMESTAMP WITH TIME ZONE, 
	batch_on DATE, 
	why TEXT NOT NULL, 
	PRIMARY KEY (category)
);
CREATE TABLE fence (
	name TEXT NOT NULL, 
	PRIMARY KEY (name)
);
CREATE TABLE paper (
	id INTEGER NOT NULL, 
	title TEXT NOT NULL, 
	abstract TEXT NOT NULL, 
	authors JSON NOT NULL, 
	categories JSON NOT NULL, 
	links JSON NOT NULL, 
	subjects JSON NOT NULL, 
	journal TEXT NOT NULL, 
	version INTEGER, 
	first_announced_on DATE, 
	dated_on DATE, 
	text_on DATE, 
	title_mark TEXT NOT NULL, 
	joined_id INTEGER, 
	seq INTEGER NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(joined_id) REFERENCES paper (id)
);
CREATE INDEX ix_paper_joined_id ON paper (joined_id);
CREATE INDEX ix_paper_seq ON paper (seq);
CREATE INDEX ix_paper_title_mark ON paper (title_mark);
CREATE TABLE setting (
	name TEXT NOT NULL, 
	value TEXT NOT NULL, 
	PRIMARY KEY (name)
);
CREATE TABLE topic (
	slug TEXT NOT NULL, 
	names JSON NOT NULL, 
	query TEXT NOT NULL, 
	PRIMARY KEY (slug)
);
CREATE TABLE validators (
	url TEXT NOT NULL, 
	etag TEXT NOT NULL, 
	last_modified TEXT NOT NULL, 
	PRIMARY KEY (url)
);
CREATE TABLE announcement (
	id INTEGER NOT NULL, 
	paper_id INTEGER NOT NULL, 
	news TEXT NOT NULL, 
	announced_on DATE NOT NULL, 
	key TEXT NOT NULL, 
	categories JSON NOT NULL, 
	version INTEGER, 
	heard JSON NOT NULL, 
	PRIMARY KEY (id), 
	CONSTRAINT ck_news CHECK (news IN ('new', 'cross', 'update', 'published')), 
	FOREIGN KEY(paper_id) REFERENCES paper (id)
);
CREATE INDEX ix_announcement_announced_on ON announcement (announced_on);
CREATE INDEX ix_announcement_paper_id ON announcement (paper_id);
CREATE UNIQUE INDEX uq_announcement_day ON announcement (paper_id, announced_on) WHERE news IN ('new', 'cross');
CREATE UNIQUE INDEX uq_announcement_new ON announcement (paper_id) WHERE news = 'new';
CREATE UNIQUE INDEX uq_announcement_published ON announcement (paper_id) WHERE news = 'published';
CREATE UNIQUE INDEX uq_announcement_version ON announcement (paper_id, version) WHERE news = 'update';
CREATE TABLE delivery (
	id SERIAL NOT NULL, 
	chat_id INTEGER NOT NULL, 
	platform TEXT NOT NULL, 
	chat TEXT NOT NULL, 
	thread TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	digest_on DATE NOT NULL, 
	upto INTEGER NOT NULL, 
	digest JSON NOT NULL, 
	language TEXT NOT NULL, 
	layout TEXT NOT NULL, 
	state TEXT NOT NULL, 
	attempts INTEGER NOT NULL, 
	due_at TIMESTAMP WITH TIME ZONE, 
	lease_owner TEXT NOT NULL, 
	lease_until TIMESTAMP WITH TIME ZONE, 
	made_at TIMESTAMP WITH TIME ZONE, 
	why TEXT NOT NULL, 
	PRIMARY KEY (id), 
	CONSTRAINT ck_kind CHECK (kind IN ('papers', 'nothing', 'not-in-yet')), 
	CONSTRAINT ck_layout CHECK (layout IN ('brief', 'plain')), 
	CONSTRAINT ck_state CHECK (state IN ('planned', 'sending', 'postponed', 'uncertain', 'sent', 'unreachable', 'failed')), 
	FOREIGN KEY(chat_id) REFERENCES chat (id), 
	CONSTRAINT uq_delivery_once UNIQUE (chat_id, kind, digest_on, upto)
);
CREATE INDEX ix_delivery_state_due_at ON delivery (state, due_at);
CREATE TABLE invite (
	code TEXT NOT NULL, 
	made_by TEXT NOT NULL, 
	made_at TIMESTAMP WITH TIME ZONE NOT NULL, 
	used_by INTEGER, 
	used_at TIMESTAMP WITH TIME ZONE, 
	PRIMARY KEY (code), 
	FOREIGN KEY(used_by) REFERENCES chat (id)
);
CREATE TABLE paper_key (
	key TEXT NOT NULL, 
	paper_id INTEGER NOT NULL, 
	place INTEGER NOT NULL, 
	PRIMARY KEY (key), 
	FOREIGN KEY(paper_id) REFERENCES paper (id)
);
CREATE INDEX ix_paper_key_paper_id ON paper_key (paper_id);
CREATE TABLE paper_merge (
	id SERIAL NOT NULL, 
	key TEXT NOT NULL, 
	with_key TEXT NOT NULL, 
	paper_id INTEGER NOT NULL, 
	other_id INTEGER NOT NULL, 
	reason TEXT NOT NULL, 
	before JSON NOT NULL, 
	other JSON NOT NULL, 
	at TIMESTAMP WITH TIME ZONE NOT NULL, 
	undone_at TIMESTAMP WITH TIME ZONE, 
	PRIMARY KEY (id), 
	FOREIGN KEY(other_id) REFERENCES paper (id), 
	FOREIGN KEY(paper_id) REFERENCES paper (id)
);
CREATE INDEX ix_paper_merge_other_id ON paper_merge (other_id);
CREATE TABLE subscription (
	id SERIAL NOT NULL, 
	chat_id INTEGER NOT NULL, 
	query TEXT NOT NULL, 
	topic TEXT, 
	made_at TIMESTAMP WITH TIME ZONE, 
	PRIMARY KEY (id), 
	CONSTRAINT ck_one_of_two CHECK ((topic IS NULL) <> (query = '')), 
	FOREIGN KEY(chat_id) REFERENCES chat (id), 
	FOREIGN KEY(topic) REFERENCES topic (slug)
);
CREATE INDEX ix_subscription_topic ON subscription (topic);
CREATE UNIQUE INDEX uq_subscription_query ON subscription (chat_id, query) WHERE topic IS NULL;
CREATE UNIQUE INDEX uq_subscription_topic ON subscription (chat_id, topic) WHERE topic IS NOT NULL;
CREATE TABLE summary (
	paper_id INTEGER NOT NULL, 
	language TEXT NOT NULL, 
	headline TEXT NOT NULL, 
	title TEXT NOT NULL, 
	abstract TEXT NOT NULL, 
	origin TEXT NOT NULL, 
	made_at TIMESTAMP WITH TIME ZONE, 
	PRIMARY KEY (paper_id, language), 
	FOREIGN KEY(paper_id) REFERENCES paper (id)
);
CREATE TABLE delivery_part (
	delivery_id INTEGER NOT NULL, 
	number INTEGER NOT NULL, 
	papers JSON NOT NULL, 
	nonce TEXT NOT NULL, 
	payload BYTEA NOT NULL, 
	message_id TEXT NOT NULL, 
	tried BOOLEAN NOT NULL, 
	PRIMARY KEY (delivery_id, number), 
	FOREIGN KEY(delivery_id) REFERENCES delivery (id)
);
CREATE TABLE digest (
	id SERIAL NOT NULL, 
	content JSON NOT NULL, 
	PRIMARY KEY (id)
);
ALTER TABLE delivery ADD COLUMN digest_id INTEGER REFERENCES digest (id);
ALTER TABLE delivery DROP COLUMN digest;
CREATE INDEX ix_subscription_chat_id ON subscription (chat_id);
INSERT INTO alembic_version SELECT ('(0002)'::alembic_version).*;
INSERT INTO chat SELECT ('(1,telegram,0,"",private,"chat 0",en,UTC,08:00:00,"[1, 2, 3, 4, 5, 6, 7]",brief,20,"[""cross"", ""new""]",say,0,"2025-04-08 06:30:00.123456+00",active,"",t)'::chat).*;
INSERT INTO chat SELECT ('(2,telegram,1,7,private,"chat 1",en,UTC,08:00:00,"[1, 2, 3, 4, 5, 6, 7]",brief,20,"[""cross"", ""new""]",say,0,"2025-04-08 06:30:00.123456+00",active,"",t)'::chat).*;
INSERT INTO chat SELECT ('(3,telegram,2,"",private,"chat 2",en,UTC,08:00:00,"[1, 2, 3, 4, 5, 6, 7]",brief,20,"[""cross"", ""new""]",say,0,"2025-04-08 06:30:00.123456+00",active,"",t)'::chat).*;
INSERT INTO chat SELECT ('(4,telegram,3,7,private,"chat 3",en,UTC,08:00:00,"[1, 2, 3, 4, 5, 6, 7]",brief,20,"[""cross"", ""new""]",say,0,"2025-04-08 06:30:00.123456+00",active,"",t)'::chat).*;
INSERT INTO chat SELECT ('(5,telegram,4,"",private,"chat 4",en,UTC,08:00:00,"[1, 2, 3, 4, 5, 6, 7]",brief,20,"[""cross"", ""new""]",say,0,"2025-04-08 06:30:00.123456+00",active,"",t)'::chat).*;
INSERT INTO digest SELECT ('(1,"{""matches"": [[7, ""new"", [""LoRA""]]], ""pushed"": 1, ""labels"": [""LoRA""], ""quiet"": false}")'::digest).*;
INSERT INTO digest SELECT ('(2,"{""matches"": [[7, ""new"", [""LoRA""]]], ""pushed"": 1, ""labels"": [""LoRA""], ""quiet"": false}")'::digest).*;
INSERT INTO digest SELECT ('(3,"{""matches"": [[7, ""new"", [""LoRA""]]], ""pushed"": 1, ""labels"": [""LoRA""], ""quiet"": false}")'::digest).*;
INSERT INTO digest SELECT ( E'(4,"{""matches"": [[2, ""new"", [""\\\\u8336""]]], ""pushed"": 1, ""labels"": [""\\\\u8336""], ""quiet"": false}")'::digest).*;
INSERT INTO feed SELECT ('(plain,plain,"2025-04-08 05:30:00.123456+00","2025-04-08 05:30:00.123456+00","2025-04-08 05:30:00.123456+00",2025-04-08,plain)'::feed).*;
INSERT INTO fence SELECT ('(ingest)'::fence).*;
INSERT INTO paper SELECT ('(1,"On the matter of arxiv:2504.00001","$p<q$ 茶 🍵",[],[],[],[],"",2,2025-04-08,2025-04-08,2025-04-09,a7259576e06663821667d57f2a686301,,10)'::paper).*;
INSERT INTO paper SELECT ('(2,"On the matter of arxiv:2504.00002","$p<q$ 茶 🍵",[],[],[],[],"",,2025-04-08,2025-04-08,2025-04-08,4687660417544c1ad5d23666e459ae12,,2)'::paper).*;
INSERT INTO paper SELECT ('(3,"On the matter of arxiv:2504.00003","$p<q$ 茶 🍵",[],[],[],[],"",,2025-04-08,2025-04-08,2025-04-08,49a4a8c54c8ea888b30941061a09a1ac,,3)'::paper).*;
INSERT INTO paper SELECT ('(4,"On the matter of arxiv:2504.00004","$p<q$ 茶 🍵",[],[],[],[],"",,2025-04-08,2025-04-08,2025-04-08,a54a939452489fc158d37edd1c20ecee,,4)'::paper).*;
INSERT INTO paper SELECT ('(5,"On the matter of arxiv:2504.00005","$p<q$ 茶 🍵",[],[],[],[],"",,2025-04-08,2025-04-08,2025-04-08,74af6e14fa5253ce97f340e211a7c7bf,,5)'::paper).*;
INSERT INTO paper SELECT ('(6,"On the matter of arxiv:2504.00006","$p<q$ 茶 🍵",[],[],[],[],"",,2025-04-08,2025-04-08,2025-04-08,01b69792f99d1ab0ed92711c6ea1a738,,6)'::paper).*;
INSERT INTO paper SELECT ('(7,"On the matter of arxiv:2504.00007","$p<q$ 茶 🍵",[],[],[],[],"",,2025-04-08,2025-04-08,2025-04-08,042b1efc58c4b7a18c88f4eb7de9e800,,7)'::paper).*;
INSERT INTO paper SELECT ( E'(8,"The same matter, told in two places at once","","[""Kurt G\\\\u00f6del""]",[],[],[],"",,2025-04-08,2025-04-08,2025-04-08,fd700d7bb9e0a1312dc2463ccfe7b3e2,,9)'::paper).*;
INSERT INTO paper SELECT ( E'(9,"The same matter, told in two places at once","","[""Kurt G\\\\u00f6del""]",[],[],[],"",,,2025-04-08,,fd700d7bb9e0a1312dc2463ccfe7b3e2,8,8)'::paper).*;
INSERT INTO setting SELECT ('(a,b)'::setting).*;
INSERT INTO topic SELECT ( E'(peft,"[[""zh-Hans"", ""\\\\u9ad8\\\\u6548\\\\u5fae\\\\u8c03""]]","LoRA OR QLoRA")'::topic).*;
INSERT INTO validators SELECT ('(plain,plain,plain)'::validators).*;
INSERT INTO announcement SELECT ('(1,1,new,2025-04-08,arxiv:2504.00001,[],,"[""new""]")'::announcement).*;
INSERT INTO announcement SELECT ('(2,2,new,2025-04-08,arxiv:2504.00002,[],,"[""new""]")'::announcement).*;
INSERT INTO announcement SELECT ('(3,3,new,2025-04-08,arxiv:2504.00003,[],,"[""new""]")'::announcement).*;
INSERT INTO announcement SELECT ('(4,4,new,2025-04-08,arxiv:2504.00004,[],,"[""new""]")'::announcement).*;
INSERT INTO announcement SELECT ('(5,5,new,2025-04-08,arxiv:2504.00005,[],,"[""new""]")'::announcement).*;
INSERT INTO announcement SELECT ('(6,6,new,2025-04-08,arxiv:2504.00006,[],,"[""new""]")'::announcement).*;
INSERT INTO announcement SELECT ('(7,7,new,2025-04-08,arxiv:2504.00007,[],,"[""new""]")'::announcement).*;
INSERT INTO announcement SELECT ('(8,8,new,2025-04-08,arxiv:2504.00020,[],,"[""new""]")'::announcement).*;
INSERT INTO announcement SELECT ('(9,1,update,2025-04-09,arxiv:2504.00001,[],2,"[""replace""]")'::announcement).*;
INSERT INTO delivery SELECT ('(1,1,telegram,0,"",papers,2025-04-08,12,en,brief,planned,0,"2025-04-08 05:30:00.123456+00",me,"2025-04-08 05:32:00.123456+00","2025-04-08 05:30:00.123456+00","",1)'::delivery).*;
INSERT INTO delivery SELECT ('(2,2,telegram,1,7,papers,2025-04-08,12,en,brief,planned,0,"2025-04-08 05:30:00.123456+00",me,"2025-04-08 05:32:00.123456+00","2025-04-08 05:30:00.123456+00","",2)'::delivery).*;
INSERT INTO delivery SELECT ('(3,3,telegram,2,"",papers,2025-04-08,12,en,brief,planned,0,"2025-04-08 05:30:00.123456+00","",,"2025-04-08 05:30:00.123456+00","",3)'::delivery).*;
INSERT INTO delivery SELECT ('(4,1,telegram,0,"",papers,2025-04-09,9,en,brief,planned,0,"2025-04-08 05:30:00.123456+00","",,"2025-04-08 05:30:00.123456+00","",4)'::delivery).*;
INSERT INTO delivery SELECT ('(5,2,telegram,1,7,papers,2025-04-09,9,en,brief,planned,0,"2025-04-08 05:30:00.123456+00","",,"2025-04-08 05:30:00.123456+00","",4)'::delivery).*;
INSERT INTO delivery SELECT ('(6,3,telegram,2,"",papers,2025-04-09,9,en,brief,planned,0,"2025-04-08 05:30:00.123456+00","",,"2025-04-08 05:30:00.123456+00","",4)'::delivery).*;
INSERT INTO delivery SELECT ('(7,4,telegram,3,7,papers,2025-04-09,9,en,brief,planned,0,"2025-04-08 05:30:00.123456+00","",,"2025-04-08 05:30:00.123456+00","",4)'::delivery).*;
INSERT INTO delivery SELECT ('(8,5,telegram,4,"",papers,2025-04-09,9,en,brief,planned,0,"2025-04-08 05:30:00.123456+00","",,"2025-04-08 05:30:00.123456+00","",4)'::delivery).*;
INSERT INTO invite SELECT ('(code,console:local,"2025-04-08 05:30:00.123456+00",,)'::invite).*;
INSERT INTO paper_key SELECT ('(acl:2025.tea-1.1,8,1)'::paper_key).*;
INSERT INTO paper_key SELECT ('(arxiv:2504.00001,1,0)'::paper_key).*;
INSERT INTO paper_key SELECT ('(arxiv:2504.00002,2,0)'::paper_key).*;
INSERT INTO paper_key SELECT ('(arxiv:2504.00003,3,0)'::paper_key).*;
INSERT INTO paper_key SELECT ('(arxiv:2504.00004,4,0)'::paper_key).*;
INSERT INTO paper_key SELECT ('(arxiv:2504.00005,5,0)'::paper_key).*;
INSERT INTO paper_key SELECT ('(arxiv:2504.00006,6,0)'::paper_key).*;
INSERT INTO paper_key SELECT ('(arxiv:2504.00007,7,0)'::paper_key).*;
INSERT INTO paper_key SELECT ('(arxiv:2504.00020,8,0)'::paper_key).*;
INSERT INTO paper_merge SELECT ( E'(1,acl:2025.tea-1.1,arxiv:2504.00020,8,9,"same title","{""keys"": [""arxiv:2504.00020""], ""paper"": {""id"": 8, ""title"": ""The same matter, told in two places at once"", ""abstract"": """", ""authors"": [""Kurt G\\\\u00f6del""], ""categories"": [], ""links"": [], ""subjects"": [], ""journal"": """", ""version"": null, ""first_announced_on"": ""2025-04-08"", ""dated_on"": ""2025-04-08"", ""text_on"": ""2025-04-08"", ""title_mark"": ""fd700d7bb9e0a1312dc2463ccfe7b3e2"", ""seq"": 0}, ""summaries"": []}","{""keys"": [""acl:2025.tea-1.1""], ""paper"": {""id"": 9, ""title"": ""The same matter, told in two places at once"", ""abstract"": """", ""authors"": [""Kurt G\\\\u00f6del""], ""categories"": [], ""links"": [], ""subjects"": [], ""journal"": """", ""version"": null, ""first_announced_on"": null, ""dated_on"": ""2025-04-08"", ""text_on"": null, ""title_mark"": ""fd700d7bb9e0a1312dc2463ccfe7b3e2"", ""seq"": 0}, ""summaries"": []}","2025-04-08 05:30:00.123456+00",)'::paper_merge).*;
INSERT INTO subscription SELECT ('(10,5,"LoRA -video",,"2025-04-08 05:30:00.123456+00")'::subscription).*;
INSERT INTO subscription SELECT ('(11,5,"",peft,)'::subscription).*;
INSERT INTO subscription SELECT ('(2,1,"LoRA -video",,"2025-04-08 05:30:00.123456+00")'::subscription).*;
INSERT INTO subscription SELECT ('(3,1,"",peft,)'::subscription).*;
INSERT INTO subscription SELECT ('(4,2,"LoRA -video",,"2025-04-08 05:30:00.123456+00")'::subscription).*;
INSERT INTO subscription SELECT ('(5,2,"",peft,)'::subscription).*;
INSERT INTO subscription SELECT ('(6,3,"LoRA -video",,"2025-04-08 05:30:00.123456+00")'::subscription).*;
INSERT INTO subscription SELECT ('(7,3,"",peft,)'::subscription).*;
INSERT INTO subscription SELECT ('(8,4,"LoRA -video",,"2025-04-08 05:30:00.123456+00")'::subscription).*;
INSERT INTO subscription SELECT ('(9,4,"",peft,)'::subscription).*;
INSERT INTO summary SELECT ('(2,plain,plain,plain,plain,plain,"2025-04-08 05:30:00.123456+00")'::summary).*;
INSERT INTO delivery_part SELECT ( E'(1,1,[7],nonce1,"\\\\x0020636166c3a920ff",17,t)'::delivery_part).*;
SELECT setval('chat_id_seq', 5);
SELECT setval('delivery_id_seq', 8);
SELECT setval('digest_id_seq', 4);
SELECT setval('paper_merge_id_seq', 1);
SELECT setval('subscription_id_seq', 12);
