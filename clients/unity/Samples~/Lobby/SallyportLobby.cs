// Put this on an object of the first scene. The server of your transport (Unity Transport, Mirror, FishNet) listens on Port of this
// computer; where OnJoined is called, its client connects to the address and port that it gets.
using System.Net;
using System.Threading.Tasks;
using UnityEngine;
using UnityEngine.Events;

public class SallyportLobby : MonoBehaviour
{
    public string Master = "";
    public bool Fake = true;
    public int Port = 7777;
    public UnityEvent OnHosting = new UnityEvent();
    public JoinedEvent OnJoined = new JoinedEvent();
    public string Code = "";
    public string Status = "";

    [System.Serializable]
    public class JoinedEvent : UnityEvent<string, int> { }

    private Sallyport.Sidecar net;
    private Task<string> hosting;
    private Task<IPEndPoint> joining;

    private void Awake()
    {
        net = new Sallyport.Sidecar(new Sallyport.Options { Master = Master, Fake = Fake });
    }

    public void Host()
    {
        if (hosting == null) hosting = net.HostAsync(Port.ToString());
        Status = "hosting ...";
    }

    public void Join()
    {
        if (joining == null) joining = net.JoinAsync(Code.Trim());
        Status = "joining ...";
    }

    private void Update()
    {
        if (hosting != null && hosting.IsCompleted)
        {
            if (!Failed(hosting))
            {
                Code = hosting.Result;
                Status = "Friends type " + Code;
                OnHosting.Invoke();
            }
            hosting = null;
        }
        if (joining != null && joining.IsCompleted)
        {
            if (!Failed(joining))
            {
                IPEndPoint host = joining.Result;
                Status = "connected";
                OnJoined.Invoke(host.Address.ToString(), host.Port);
            }
            joining = null;
        }
    }

    private bool Failed(Task task)
    {
        if (!task.IsFaulted) return false;
        Sallyport.SallyportException error = task.Exception.Flatten().InnerExceptions[0] as Sallyport.SallyportException;
        Status = error == null ? task.Exception.Message : error.What + " " + error.Hint;
        return true;
    }

    private void OnGUI()
    {
        GUILayout.Label(Status);
        if (GUILayout.Button("Host")) Host();
        Code = GUILayout.TextField(Code);
        if (GUILayout.Button("Join")) Join();
    }

    private void OnDestroy()
    {
        net.Dispose();
    }
}
