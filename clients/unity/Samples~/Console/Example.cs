// A game of two players in the terminal: the friend guesses a thousand times over UDP, and the host answers.
//
//     mcs -langversion:7.2 -out:example.exe Sallyport.cs Example.cs && mono example.exe host        prints the code
//     mono example.exe join CODE
// Behind it come the words of the options: --fake, --master LINK, --fake-port N, --fake-nat CLASS, --token-file FILE.
using System;
using System.Collections.Generic;
using System.Linq;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Threading;
using System.Threading.Tasks;

public static class Example
{
    private const int Rounds = 1000, Volley = 32;

    // The server of the game: it answers each guess. Nothing in here knows of sallyport.
    private static void Serve(Socket game)
    {
        byte[] guess = new byte[64];
        for (;;)
        {
            EndPoint friend = new IPEndPoint(IPAddress.Any, 0);
            int n = game.ReceiveFrom(guess, ref friend);
            if (Encoding.ASCII.GetString(guess, 0, n) == "bye") return;
            game.SendTo(guess, n, SocketFlags.None, friend);
        }
    }

    // The client: guesses a volley at a time; UDP may lose one, so what has no answer is asked again.
    private static int Play(Socket game, IPEndPoint host)
    {
        SortedSet<int> missing = new SortedSet<int>(Enumerable.Range(0, Rounds));
        byte[] answer = new byte[64];
        for (int volley = 0; volley < 1000 && missing.Count > 0; volley++)
        {
            int left = 0;
            foreach (int number in missing.Take(Volley))
            {
                game.SendTo(Encoding.ASCII.GetBytes("guess " + number), host);
                left++;
            }
            while (left > 0 && game.Poll(200000, SelectMode.SelectRead))
            {
                int n = game.Receive(answer);
                int number;
                if (int.TryParse(Encoding.ASCII.GetString(answer, 0, n).Replace("guess ", ""), out number) && missing.Remove(number)) left--;
            }
        }
        for (int n = 0; n < 10; n++) game.SendTo(Encoding.ASCII.GetBytes("bye"), host);
        return Rounds - missing.Count;
    }

    private static int Say(SallyportExceptionOf error)
    {
        Console.WriteLine("error " + error.Error.Code + " retryable=" + (error.Error.Retryable ? 1 : 0) + " " + error.Error.What + " | " + error.Error.Hint);
        return 1;
    }

    // What a task has failed with, out of what it is wrapped in.
    private sealed class SallyportExceptionOf
    {
        public readonly Sallyport.SallyportException Error;

        public SallyportExceptionOf(AggregateException thrown)
        {
            Error = thrown.Flatten().InnerExceptions[0] as Sallyport.SallyportException;
            if (Error == null) throw thrown;
        }
    }

    private static int Run(Sallyport.Sidecar net, string what, List<string> codes)
    {
        Socket game = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        game.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        if (what == "host")
        {
            Console.WriteLine("code " + net.HostAsync(((IPEndPoint)game.LocalEndPoint).Port.ToString()).Result);
            Serve(game);
            return 0;
        }
        if (what == "join")
        {
            // As a game does that draws its frames meanwhile.
            Task<IPEndPoint> joining = net.JoinAsync(codes[0]);
            int frames = 0;
            for (; !joining.IsCompleted; frames++) Thread.Sleep(16);
            Console.WriteLine("local " + joining.Result + " after " + frames + " frames");
            int answered = Play(game, joining.Result);
            Console.WriteLine("answered " + answered + " of " + Rounds);
            return answered == Rounds ? 0 : 1;
        }
        foreach (string code in codes)
        {
            try
            {
                Console.WriteLine("joined " + net.JoinAsync(code).Result);
            }
            catch (AggregateException thrown)
            {
                Say(new SallyportExceptionOf(thrown));
            }
        }
        return 0;
    }

    public static int Main(string[] words)
    {
        Sallyport.Options options = new Sallyport.Options();
        List<string> codes = new List<string>();
        for (int n = 1; n < words.Length; n++)
        {
            if (words[n] == "--fake") options.Fake = true;
            else if (words[n] == "--master") options.Master = words[++n];
            else if (words[n] == "--fake-port") options.FakePort = int.Parse(words[++n]);
            else if (words[n] == "--fake-nat") options.FakeNat = words[++n];
            else if (words[n] == "--token-file") options.TokenFile = words[++n];
            else codes.Add(words[n]);
        }
        using (Sallyport.Sidecar net = new Sallyport.Sidecar(options))
        {
            try
            {
                return Run(net, words[0], codes);
            }
            catch (AggregateException thrown)
            {
                return Say(new SallyportExceptionOf(thrown));
            }
        }
    }
}
